import CCore
import Foundation
import Testing

/// The vector kernels at each width that this processor has.
@Suite("Vector kernels", .serialized)
struct KernelTests {
    /// The levels that can be tested here: those that the processor has.
    static let levels: [Int32] = {
        var found: [Int32] = []
        for level in 0...2 as ClosedRange<Int32> {
            cafe_vectors_set(level)
            if cafe_vectors_get() == level { found.append(level) }
        }
        cafe_vectors_set(2)
        return found
    }()

    private func at<T>(_ level: Int32, _ body: () -> T) -> T {
        cafe_vectors_set(level)
        defer { cafe_vectors_set(2) }
        return body()
    }

    /// |got - want| in units of the last place of want's binade (of the smallest denormal below the normal range).
    private func ulps(_ got: Float, _ want: Double) -> Double {
        if want.isNaN { return got.isNaN ? 0 : .infinity }
        if abs(want) > Double(Float.greatestFiniteMagnitude) { return got.isInfinite ? 0 : 1 }
        if !got.isFinite { return .infinity }
        let unit = abs(want) < 0x1p-126 ? 0x1p-149 : Double(sign: .plus, exponent: want.exponent - 23, significand: 1)
        return abs(Double(got) - want) / unit
    }

    @Test("exp and tanh stay within 2 ulp over all of float", arguments: levels)
    func elementary(level: Int32) {
        // every 2003rd bit pattern: NaN, infinities and denormals included; and densely where the formulas join
        var x = stride(from: UInt32(0), to: UInt32.max - 2003, by: 2003).map { Float(bitPattern: $0) }
        x += (0..<40_000).map { 0.5 + Float($0) * 5e-6 } + (0..<40_000).map { -9.1 + Float($0) * 1e-5 }
        var (e, t) = (x, x)
        at(level) {
            cafe_exp(&e, x, Int64(x.count))
            cafe_tanh(&t, x, Int64(x.count))
        }
        var (worstExp, worstTanh) = (0.0, 0.0)
        for i in x.indices {
            worstExp = max(worstExp, ulps(e[i], exp(Double(x[i]))))
            worstTanh = max(worstTanh, ulps(t[i], tanh(Double(x[i]))))
        }
        #expect(worstExp < 2, "exp is off by \(worstExp) ulp")
        #expect(worstTanh < 2, "tanh is off by \(worstTanh) ulp")
    }

    @Test("short arrays touch nothing behind their end", arguments: levels)
    func tails(level: Int32) {
        for count in 0...35 {
            let x = (0..<count).map { Float($0) / 10 }
            var out = [Float](repeating: -7, count: count + 3)
            at(level) { cafe_exp(&out, x, Int64(count)) }
            #expect(out[count...].allSatisfy { $0 == -7 })
            #expect((0..<count).allSatisfy { ulps(out[$0], exp(Double(x[$0]))) < 2 })
        }
    }

    private func draw(_ count: Int, _ stream: UInt64) -> [Float] {
        (0..<count).map { Float(cafe_random_u64(1, stream, UInt64($0)) >> 40) * 0x1p-24 - 0.5 }
    }

    private func gradient(_ widths: [Int32], _ kind: Int, _ rows: Int) -> (output: [Float], gradient: [Float]) {
        widths.withUnsafeBufferPointer { widthPointer in
            var net = cafe_mlp(
                widths: widthPointer.baseAddress, layers: Int32(widths.count - 1), hidden: Int32(kind), output: 0)
            let parameters = draw(zip(widths, widths.dropFirst()).reduce(0) { $0 + Int(($1.0 + 1) * $1.1) }, 1)
            let input = draw(rows * Int(widths[0]), 2)
            let outputGradient = draw(rows * Int(widths.last!), 3)
            var workspace = [Float](repeating: .nan, count: Int(cafe_mlp_workspace(&net, Int64(rows))) + 16)
            var output = [Float](repeating: .nan, count: outputGradient.count)
            var gradient = [Float](repeating: 0, count: parameters.count)
            workspace.withUnsafeMutableBufferPointer { memory in
                cafe_mlp_forward(&output, memory.baseAddress, &net, parameters, input, Int64(rows))
                cafe_mlp_backward(
                    &gradient, nil, memory.baseAddress, &net, parameters, input, outputGradient, Int64(rows))
            }
            return (output, gradient)
        }
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Double {
        let difference = zip(a, b).map { Double($0 - $1) * Double($0 - $1) }.reduce(0, +)
        return (difference / b.map { Double($0) * Double($0) }.reduce(1e-30, +)).squareRoot()
    }

    @Test("nets of every width give the portable kernels' results to rounding", arguments: levels)
    func nets(level: Int32) {
        for width in [1, 2, 15, 16, 17, 31, 33, 47, 48, 63, 64, 65, 79, 80, 97, 128] as [Int32] {
            for rows in [1, 5, 9, 67] {
                let widths: [Int32] = [width, 19, width, 64, 1]
                let expected = at(0) { gradient(widths, CAFE_TANH, rows) }
                let found = at(level) { gradient(widths, CAFE_TANH, rows) }
                #expect(distance(found.output, expected.output) < 1e-5)
                #expect(distance(found.gradient, expected.gradient) < 1e-5)
            }
        }
    }
    @Test("the gradient of one layer of every width up to 20 is the product in double", arguments: levels)
    func narrowOutputs(level: Int32) {
        for input in [16, 18, 48, 128, 272] {
            for width in 1...20 {
                for rows in [3, 130, 300] {
                    let (x, g) = (draw(rows * input, 2), draw(rows * width, 3))
                    var exact = [Float](repeating: 0, count: (input + 1) * width)
                    for k in 0...input {
                        for j in 0..<width {
                            var sum = 0.0
                            for i in 0..<rows {
                                sum += (k < input ? Double(x[i * input + k]) : 1) * Double(g[i * width + j])
                            }
                            exact[k * width + j] = Float(sum)
                        }
                    }
                    let found = at(level) { gradient([Int32(input), Int32(width)], CAFE_RELU, rows) }
                    #expect(distance(found.gradient, exact) < 1e-5, "\(rows) rows, \(input) to \(width)")
                }
            }
        }
    }
}
