import CCore
import Testing

@Suite("Philox4x32-10")
struct RandomTests {
    private func block(seed: UInt64, stream: UInt64, counter: UInt64) -> [UInt32] {
        var out = [UInt32](repeating: 0, count: 4)
        cafe_random_block(&out, seed, stream, counter)
        return out
    }

    @Test("agrees with the published known answers (Random123 kat_vectors)")
    func knownAnswers() {
        #expect(block(seed: 0, stream: 0, counter: 0) == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        #expect(
            block(seed: .max, stream: .max, counter: .max) == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
        #expect(
            block(
                seed: 0x299f_31d0_a409_3822, stream: 0x0370_7344_1319_8a2e, counter: 0x85a3_08d3_243f_6a88)
                == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
    }

    @Test("arrays of every length hold the words of their blocks, one by one, across the counter's halves")
    func arrays() {
        let (seed, stream): (UInt64, UInt64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
        for counter in [0, 7, 0xffff_fffe, 0xffff_ffff_ffff_fffa] as [UInt64] {
            let words = (0..<20).flatMap { block(seed: seed, stream: stream, counter: counter &+ $0) }
            let draws = (0..<20).map { cafe_random_u64(seed, stream, counter &+ $0) }
            for count in 0...70 {
                var numbers = [Int32](repeating: -1, count: count + 1)
                cafe_random_below(&numbers, 1000, seed, stream, counter, Int64(count))
                #expect(numbers.dropLast().elementsEqual(words[..<count].map { Int32((UInt64($0) * 1000) >> 32) }))
                var units = [Float](repeating: -1, count: count + 1)
                cafe_random_units(&units, seed, stream, counter, Int64(count))
                #expect(units.dropLast().elementsEqual(words[..<count].map { Float($0 >> 8) * 0x1p-24 }))
                #expect(numbers.last == -1 && units.last == -1)
                let few = min(count, 20)
                var doubles = [Double](repeating: -1, count: few + 1)
                cafe_random_doubles(&doubles, seed, stream, counter, Int64(few))
                #expect(doubles.dropLast().elementsEqual(draws[..<few].map { Double($0 >> 11) * 0x1p-53 }))
                #expect(doubles.last == -1)
                var outcomes = [UInt8](repeating: 7, count: few + 1)
                cafe_random_bernoulli(&outcomes, 0.3, seed, stream, counter, Int64(few))
                #expect(
                    outcomes.dropLast().elementsEqual(draws[..<few].map { Double($0 >> 11) * 0x1p-53 < 0.3 ? 1 : 0 }))
            }
        }
    }

    @Test("parallel_for visits each index once at any thread count", arguments: [1, 2, 7] as [Int32])
    func parallelFor(threads: Int32) {
        cafe_threads_set(threads)
        defer { cafe_threads_set(0) }
        var visits = [Int32](repeating: 0, count: 1009)
        visits.withUnsafeMutableBufferPointer { buffer in
            cafe_parallel_for(
                1009, { context, index in context!.assumingMemoryBound(to: Int32.self)[Int(index)] += 1 },
                buffer.baseAddress)
        }
        #expect(visits.allSatisfy { $0 == 1 })
    }
}
