import CCore
import Testing

@Suite("Votes")
struct VoteTests {
    @Test("winners, ties and shares are those counted by hand", arguments: [2, 3, 7], [0, 1, 17, 64])
    func decide(classes: Int, tasks: Int) {
        // Few votes, so that ties and rows without a vote occur.
        let counts = (0..<tasks * classes).map { k in
            Int32(truncatingIfNeeded: cafe_random_u64(1, 255 << 48, UInt64(k)) % 3) * (k / classes % 5 == 4 ? 0 : 1)
        }
        var winner = [Int64](repeating: -1, count: tasks + 1), equals = [Int32](repeating: -1, count: tasks + 1)
        var shares = [Double](repeating: -1, count: tasks * classes + 1)
        let ties = cafe_vote_decide(&winner, &shares, &equals, counts, Int64(tasks), Int32(classes))
        var tied = 0
        for task in 0..<tasks {
            let row = Array(counts[task * classes..<(task + 1) * classes]), sum = row.reduce(0, +)
            let same = row.count(where: { $0 == row.max()! })
            tied += same > 1 ? 1 : 0
            #expect(Int(winner[task]) == row.firstIndex(of: row.max()!) && Int(equals[task]) == same)
            for c in 0..<classes {
                let share = sum == 0 ? 1 / Double(classes) : Double(row[c]) / Double(sum)
                #expect(shares[task * classes + c] == share)
            }
        }
        #expect(Int(ties) == tied && (tasks < 17 || tied > 0))
        #expect(winner[tasks] == -1 && equals[tasks] == -1 && shares[tasks * classes] == -1, "nothing behind the end")
    }
}
