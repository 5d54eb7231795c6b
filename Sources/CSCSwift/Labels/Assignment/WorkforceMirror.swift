internal import Foundation

/// With two classes the answers of a context fit a mirrored truth as well, with experts as liars.
extension Workforce {
    /// With two classes, for each context: how much more likely its answers are if the classes of all but the gold tasks
    /// change names; the log of the ratio. What decides is how common each kind is in the other contexts, where the
    /// truth and its mirror image need not be confused at the same time: experts as liars is a bad bargain where the other
    /// contexts have hardly any liars like that. In a single context it is the prior. O(S K S kinds).
    func mirrorAdvantages() -> [Double] {
        let n = kinds.count
        var likelihood = [Double](repeating: 0, count: evidence.count)
        var tops = [Double](repeating: -.infinity, count: workers * contexts)
        for number in tops.indices {
            let row = number * n
            for k in 0..<n { tops[number] = max(tops[number], evidence[row + k]) }
            for k in 0..<n { likelihood[row + k] = exp(evidence[row + k] - tops[number]) }
        }
        let prior = beforehand
        return (0..<contexts).map { context in
            let common = contexts == 1 ? prior : population(elsewhere: context, likelihood, prior)
            var sum = 0.0
            for worker in 0..<workers {
                let row = (worker * contexts + context) * n, top = tops[worker * contexts + context]
                var here = 0.0, there = 0.0
                for k in 0..<n {
                    here += common[k] * likelihood[row + k]
                    // The mirrored kind explains all other answers as well; for those on gold it must answer itself.
                    let mirror = kinds.mirror[k]
                    there += common[mirror] * mirrored(row + k, row + mirror, likelihood[row + k], top)
                }
                sum += log(max(there, 1e-300) / max(here, 1e-300))
            }
            return sum
        }
    }

    /// How common each kind is in the other contexts, up to a constant: five sweeps of empirical Bayes from the prior,
    /// over workers' answers there alone. O(K S kinds).
    private func population(elsewhere context: Int, _ likelihood: [Double], _ prior: [Double]) -> [Double] {
        let n = kinds.count
        var common = prior
        for _ in 0..<5 {
            var sums = prior.map { Self.populationWeight * $0 }
            for worker in 0..<workers {
                for s in 0..<contexts where s != context {
                    let row = (worker * contexts + s) * n
                    var total = 0.0
                    for k in 0..<n { total += common[k] * likelihood[row + k] }
                    guard total > 0 else { continue }
                    for k in 0..<n { sums[k] += common[k] * likelihood[row + k] / total }
                }
            }
            common = sums
        }
        return common
    }
}
