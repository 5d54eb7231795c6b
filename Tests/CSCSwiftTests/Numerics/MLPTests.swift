import CSCSwift
import Testing

/// The core's nets against the naive reference, the reference against finite differences; edge sizes; thread counts.
@Suite("MLP", .serialized)
struct MLPTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let shape: MLPShape
        let rows: Int
        var testDescription: String { "\(shape.widths) \(shape.hidden) \(shape.output) x \(rows)" }
    }

    static let cases: [Case] = [
        Case(shape: MLPShape(widths: [1, 1]), rows: 1),
        Case(shape: MLPShape(widths: [3, 1], output: .tanh), rows: 7),
        Case(shape: MLPShape(widths: [34, 32, 32, 1]), rows: 9),
        Case(shape: MLPShape(widths: [34, 32, 32, 1]), rows: 27),
        Case(shape: MLPShape(widths: [17, 64, 64, 5]), rows: 89),
        Case(shape: MLPShape(widths: [64, 64, 64]), rows: 257),
        Case(shape: MLPShape(widths: [64, 64, 64], hidden: .relu, output: .relu), rows: 131),
        Case(shape: MLPShape(widths: [13, 31, 47, 29, 7], hidden: .identity, output: .tanh), rows: 67),
        Case(shape: MLPShape(widths: [5, 130, 3]), rows: 300),
        Case(shape: MLPShape(widths: [256, 256, 256, 8]), rows: 33),
        Case(shape: MLPShape(widths: [20, 80, 9, 5]), rows: 2100),
        Case(shape: MLPShape(widths: [64, 128, 128, 16]), rows: 520),
        Case(shape: MLPShape(widths: [2, 272, 70, 1]), rows: 140),
        Case(shape: MLPShape(widths: [2, 3, 2, 3, 2, 3, 2], hidden: .tanh), rows: 1021),
    ]

    /// One net with everything that the calls need.
    struct Fixture {
        let shape: MLPShape
        let rows: Int
        let parameters, direction, input, outputGradient, rOutputGradient: [Float]
        var reference: NaiveNet { NaiveNet(shape: shape, parameters: doubles(parameters)) }

        init(_ test: Case) {
            shape = test.shape
            rows = test.rows
            let scale = 1.5 / Double(shape.widths.max()!).squareRoot()
            parameters = floats(shape.parameterCount, scale: scale, seed: 1)
            direction = floats(shape.parameterCount, scale: scale, seed: 2)
            input = floats(rows * shape.inputWidth, seed: 3)
            outputGradient = floats(rows * shape.outputWidth, seed: 4)
            rOutputGradient = floats(rows * shape.outputWidth, seed: 5)
        }

        struct Results: Equatable {
            var output, prediction, gradient, inputGradient, rOutput, rGradient: [Float]
        }

        func run() -> Results {
            let workspace = MLPWorkspace(shape: shape, maxRows: rows + 3)
            let zeros = [Float](repeating: 0, count: shape.parameterCount)
            let outputs = [Float](repeating: .nan, count: rows * shape.outputWidth)
            var (kept, predicted, tangents) = (outputs, outputs, outputs)
            var (slope, rSlope) = (zeros, zeros)
            var below = [Float](repeating: 0, count: input.count)
            var prediction = predicted.mutableSpan
            MLP.predict(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &prediction,
                workspace: workspace)
            var output = kept.mutableSpan
            MLP.forward(
                shape, parameters: parameters.span, input: input.span, rows: rows, output: &output,
                workspace: workspace)
            var gradient = slope.mutableSpan
            var inputGradient = below.mutableSpan
            MLP.backward(
                shape, parameters: parameters.span, input: input.span, rows: rows,
                outputGradient: outputGradient.span, parameterGradient: &gradient, inputGradient: &inputGradient,
                workspace: workspace)
            var rOutput = tangents.mutableSpan
            MLP.rForward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                rOutput: &rOutput, workspace: workspace)
            var rGradient = rSlope.mutableSpan
            MLP.rBackward(
                shape, parameters: parameters.span, direction: direction.span, input: input.span, rows: rows,
                outputGradient: outputGradient.span, rOutputGradient: rOutputGradient.span,
                rParameterGradient: &rGradient, workspace: workspace)
            return Results(
                output: kept, prediction: predicted, gradient: slope, inputGradient: below, rOutput: tangents,
                rGradient: rSlope)
        }
    }

    @Test("forward, backward and the R-operator equal the naive reference in double", arguments: cases)
    func agreesWithReference(test: Case) {
        let fixture = Fixture(test)
        let reference = fixture.reference
        let results = fixture.run()
        // relu's kinks: float and double may disagree on the side of a few pre-activations near 0
        let tolerance = test.shape.hidden == .relu ? 2e-3 : 2e-5
        #expect(results.prediction == results.output)
        #expect(relativeError(results.output, reference.forward(doubles(fixture.input))) < tolerance)
        let expected = reference.backward(doubles(fixture.input), doubles(fixture.outputGradient))
        #expect(relativeError(results.gradient, expected.parameters) < tolerance)
        #expect(relativeError(results.inputGradient, expected.input) < tolerance)
        // R by central differences of the reference in double, whose error is far below the tolerance
        let step = 1e-5
        let direction = doubles(fixture.direction)
        let (ahead, behind) = (reference.moved(direction, step), reference.moved(direction, -step))
        let input = doubles(fixture.input)
        let rOutput = zip(ahead.forward(input), behind.forward(input)).map { ($0 - $1) / (2 * step) }
        #expect(relativeError(results.rOutput, rOutput) < tolerance)
        let g = doubles(fixture.outputGradient)
        let rg = doubles(fixture.rOutputGradient)
        let up = ahead.backward(input, zip(g, rg).map { $0 + step * $1 }).parameters
        let down = behind.backward(input, zip(g, rg).map { $0 - step * $1 }).parameters
        let rGradient = zip(up, down).map { ($0 - $1) / (2 * step) }
        #expect(relativeError(results.rGradient, rGradient) < max(tolerance, 4e-5))
    }

    @Test("the reference's gradient equals finite differences of its output")
    func referenceIsRight() {
        let fixture = Fixture(Case(shape: MLPShape(widths: [3, 5, 4, 2], output: .tanh), rows: 3))
        let (reference, input, g) = (fixture.reference, doubles(fixture.input), doubles(fixture.outputGradient))
        let analytic = reference.backward(input, g).parameters
        for k in 0..<analytic.count {
            var unit = [Double](repeating: 0, count: analytic.count)
            unit[k] = 1
            let up = zip(reference.moved(unit, 1e-6).forward(input), g).map { $0 * $1 }.reduce(0, +)
            let down = zip(reference.moved(unit, -1e-6).forward(input), g).map { $0 * $1 }.reduce(0, +)
            #expect(abs((up - down) / 2e-6 - analytic[k]) < 1e-7)
        }
    }

    @Test("the same bits at 1, 2 and 7 threads, and inside a parallel region", arguments: cases)
    func threads(test: Case) {
        let fixture = Fixture(test)
        let results = atThreads { fixture.run() }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test("many rows: the same bits at 1, 2 and 7 threads")
    func threadsOnManyRows() {
        let fixture = Fixture(Case(shape: MLPShape(widths: [18, 64, 64, 5]), rows: 5003))
        let results = atThreads { fixture.run() }
        #expect(results[0] == results[1])
        #expect(results[0] == results[2])
    }

    @Test("a row's output does not depend on the rows around it")
    func rowsAreIndependent() {
        let fixture = Fixture(Case(shape: MLPShape(widths: [34, 32, 32, 1]), rows: 101))
        let whole = fixture.run().output
        let workspace = MLPWorkspace(shape: fixture.shape, maxRows: 101)
        for rows in [1, 2, 7, 9, 27, 64] {
            var some = [Float](repeating: 0, count: rows)
            var output = some.mutableSpan
            MLP.predict(
                fixture.shape, parameters: fixture.parameters.span, input: Array(fixture.input[..<(rows * 34)]).span,
                rows: rows, output: &output, workspace: workspace)
            #expect(some == Array(whole[..<rows]))
        }
    }

    @Test("no rows: nothing is written and nothing is read")
    func noRows() {
        let shape = MLPShape(widths: [4, 3, 2])
        let results = Fixture(Case(shape: shape, rows: 0)).run()
        #expect(results.gradient.allSatisfy { $0 == 0 })
        #expect(results.rGradient.allSatisfy { $0 == 0 })
    }

    @Test("backward adds to what is there")
    func accumulates() {
        let fixture = Fixture(Case(shape: MLPShape(widths: [34, 32, 32, 1]), rows: 300))
        let workspace = MLPWorkspace(shape: fixture.shape, maxRows: 300)
        let once = fixture.run().gradient
        var twice = [Float](repeating: 1, count: once.count)
        var output = [Float](repeating: 0, count: 300)
        var outputSpan = output.mutableSpan
        MLP.forward(
            fixture.shape, parameters: fixture.parameters.span, input: fixture.input.span, rows: 300,
            output: &outputSpan, workspace: workspace)
        var gradient = twice.mutableSpan
        for _ in 0..<2 {
            MLP.backward(
                fixture.shape, parameters: fixture.parameters.span, input: fixture.input.span, rows: 300,
                outputGradient: fixture.outputGradient.span, parameterGradient: &gradient, workspace: workspace)
        }
        #expect(relativeError(twice, once.map { 1 + 2 * Double($0) }) < 1e-5)
        #expect(!output.contains { $0.isNaN })
    }

    @Test("initialisation is orthogonal with the asked gains, biases 0, and a function of the stream")
    func orthogonal() {
        let shape = MLPShape(widths: [34, 32, 48, 5])
        func draw(_ seed: UInt64) -> [Float] {
            var parameters = [Float](repeating: .nan, count: shape.parameterCount)
            var span = parameters.mutableSpan
            var stream = RandomStream(seed: seed, purpose: .initialization)
            MLP.initialize(shape, parameters: &span, stream: &stream, hiddenGain: 2, outputGain: 0.01)
            return parameters
        }
        let parameters = draw(5)
        #expect(parameters == draw(5))
        #expect(parameters != draw(6))
        for layer in 0..<3 {
            let (rows, columns) = (shape.widths[layer], shape.widths[layer + 1])
            let start = shape.parameterRange(layer: layer).lowerBound
            let gain: Double = layer == 2 ? 0.01 : 2
            let tall = rows >= columns
            for a in 0..<min(rows, columns) {
                for b in 0...a {
                    var dot = 0.0
                    for k in 0..<max(rows, columns) {
                        let (i, j) = tall ? (k * columns + a, k * columns + b) : (a * columns + k, b * columns + k)
                        dot += Double(parameters[start + i]) * Double(parameters[start + j])
                    }
                    #expect(abs(dot - (a == b ? gain * gain : 0)) < 1e-6 * gain * gain)
                }
            }
            for j in 0..<columns { #expect(parameters[start + rows * columns + j] == 0) }
        }
    }
}
