/// The assignment of rows to columns of the largest total value, each row and column used at most once and no pair of
/// value 0 or less: the Hungarian method by shortest augmenting paths ([Kuhn55], [JV87]).
///
/// Scratch is kept between calls. O(rows^2 max(rows, columns)): the shorter side should be the rows.
struct AssignmentSolver {
    private var rowPotential: [Double] = []
    private var columnPotential: [Double] = []
    private var rowOf: [Int] = []
    private var way: [Int] = []
    private var least: [Double] = []
    private var used: [Bool] = []
    /// The column of each row, or -1: the result.
    private(set) var columnOf: [Int] = []

    /// `value(row, column)` is taken as max(0, value): a row that gets a pair of value 0 stays alone. Where rows outnumber
    /// columns, dummy columns of value 0 make up for it.
    mutating func solve(rows: Int, columns: Int, value: (Int, Int) -> Double) {
        // Column 0 is the root; columns 1...columns are real, any further ones are the dummies.
        let width = max(columns, rows)
        refill(&rowPotential, rows + 1, 0)
        refill(&columnPotential, width + 1, 0)
        refill(&rowOf, width + 1, 0)
        refill(&way, width + 1, 0)
        refill(&columnOf, rows, -1)
        for row in stride(from: 1, through: rows, by: 1) {
            rowOf[0] = row
            var column = 0
            refill(&least, width + 1, .infinity)
            refill(&used, width + 1, false)
            repeat {
                used[column] = true
                let from = rowOf[column]
                var delta = Double.infinity
                var next = 0
                for candidate in 1...width where !used[candidate] {
                    let gain = candidate <= columns ? max(0, value(from - 1, candidate - 1)) : 0
                    let reduced = -gain - rowPotential[from] - columnPotential[candidate]
                    if reduced < least[candidate] {
                        least[candidate] = reduced
                        way[candidate] = column
                    }
                    if least[candidate] < delta {
                        delta = least[candidate]
                        next = candidate
                    }
                }
                for candidate in 0...width {
                    if used[candidate] {
                        rowPotential[rowOf[candidate]] += delta
                        columnPotential[candidate] -= delta
                    } else {
                        least[candidate] -= delta
                    }
                }
                column = next
            } while rowOf[column] != 0
            repeat {
                let before = way[column]
                rowOf[column] = rowOf[before]
                column = before
            } while column != 0
        }
        for column in stride(from: 1, through: columns, by: 1) where rowOf[column] > 0 {
            if value(rowOf[column] - 1, column - 1) > 0 { columnOf[rowOf[column] - 1] = column - 1 }
        }
    }
}
