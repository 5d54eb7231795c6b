import CSCSwift
import Testing

/// Draws made many at a time against the same draws made one by one.
@Suite struct RandomStreamTests {
    private static let counts = [0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 1009]

    private func stream(_ counter: UInt64) -> RandomStream {
        var stream = RandomStream(seed: 0x1234_5678_9abc_def0, purpose: .test, index: 7)
        stream.skip(counter)
        return stream
    }

    @Test(arguments: counts) func normalsAreNormalAgainAndAgain(count: Int) {
        var (many, one) = (stream(5), stream(5))
        var numbers = [Float](repeating: 0, count: count)
        many.normals(into: &numbers)
        let naive = (0..<count).map { _ in Float(one.normal()) }
        #expect(numbers.map(\.bitPattern) == naive.map(\.bitPattern))
        #expect(many == one)
    }

    @Test(arguments: counts) func unitsAreUnitAgainAndAgain(count: Int) {
        var (many, one) = (stream(5), stream(5))
        var numbers = [Double](repeating: 0, count: count)
        many.units(into: &numbers)
        #expect(numbers == (0..<count).map { _ in one.unit() } && many == one)
    }

    @Test(arguments: counts) func bernoulliIsUnitAgainAndAgain(count: Int) {
        for probability in [0, 0.4, 1] {
            var (many, one) = (stream(11), stream(11))
            var outcomes = [UInt8](repeating: 9, count: count)
            many.bernoulli(probability, into: &outcomes)
            let naive = (0..<count).map { _ -> UInt8 in one.unit() < probability ? 1 : 0 }
            #expect(outcomes == naive && many == one)
        }
    }

    @Test(arguments: counts) func theFastShuffleIsTheGeneralOne(count: Int) {
        var (fast, general) = (stream(3), stream(3))
        var small = (0..<count).map { Int32($0) }
        var large = (0..<count).map { Int64($0) }
        fast.shuffle(&small)
        general.shuffle(&large)
        #expect(small.map { Int64($0) } == large && fast == general)
        #expect(small.sorted() == (0..<count).map { Int32($0) })
    }
}
