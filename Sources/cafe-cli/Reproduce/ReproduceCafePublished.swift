/// The paper's two tables: revenue, mean and +-, over numbers of tasks (200 workers) and of workers (200 tasks).
enum ReproduceCafePublished {
    enum Sweep: String, CaseIterable, Codable, Sendable {
        case tasks, workers

        /// The number of tasks and of workers at one value of the swept quantity.
        func setting(_ value: Int) -> (tasks: Int, workers: Int) { self == .tasks ? (value, 200) : (200, value) }
        var symbol: String { self == .tasks ? "N_tau" : "N_w" }
    }

    struct Row: Sendable {
        let sweep: Sweep
        let city: String
        let method: String
        let mean: [Double]
        let spread: [Double]
    }

    /// The values of the swept quantity: the columns.
    static let columns = [50, 100, 150, 200, 250, 300, 350]
    static let cities = ["chengdu", "haikou"]

    /// The paper's mean and +- of a cell, or nil where it has none.
    static func value(_ sweep: Sweep, _ city: String, _ method: String, _ column: Int) -> (Double, Double)? {
        guard let at = columns.firstIndex(of: column),
            let row = rows.first(where: { $0.sweep == sweep && $0.city == city && $0.method == method })
        else { return nil }
        return (row.mean[at], row.spread[at])
    }

    static let rows: [Row] = [
        Row(
            sweep: .tasks, city: "chengdu", method: "Greedy",
            mean: [6.53, 12.14, 17.77, 21.85, 26.07, 29.30, 32.94],
            spread: [0.16, 0.17, 0.37, 0.15, 0.39, 0.28, 0.81]),
        Row(
            sweep: .tasks, city: "chengdu", method: "IPPO",
            mean: [6.47, 12.42, 17.25, 23.74, 27.01, 34.40, 40.09],
            spread: [0.22, 0.26, 0.42, 0.80, 0.36, 1.16, 1.25]),
        Row(
            sweep: .tasks, city: "chengdu", method: "PAU",
            mean: [6.57, 11.65, 18.36, 24.18, 26.94, 33.57, 39.88],
            spread: [0.22, 0.20, 0.88, 0.79, 0.81, 0.92, 1.86]),
        Row(
            sweep: .tasks, city: "chengdu", method: "CA-noFE",
            mean: [6.59, 12.52, 18.10, 24.40, 27.43, 34.55, 41.14],
            spread: [0.18, 0.31, 0.55, 0.80, 0.73, 1.06, 1.53]),
        Row(
            sweep: .tasks, city: "chengdu", method: "CAFE",
            mean: [6.69, 12.67, 18.48, 24.66, 27.63, 35.37, 41.55],
            spread: [0.17, 0.22, 0.80, 0.71, 0.74, 0.98, 1.42]),
        Row(
            sweep: .tasks, city: "haikou", method: "Greedy",
            mean: [6.42, 11.78, 17.03, 21.52, 26.16, 29.18, 31.25],
            spread: [0.14, 0.40, 0.22, 0.39, 0.50, 0.39, 0.42]),
        Row(
            sweep: .tasks, city: "haikou", method: "IPPO",
            mean: [6.17, 12.23, 17.30, 22.84, 27.19, 32.48, 35.03],
            spread: [0.18, 0.43, 0.32, 0.32, 0.24, 0.88, 1.38]),
        Row(
            sweep: .tasks, city: "haikou", method: "PAU",
            mean: [6.68, 11.88, 18.25, 23.28, 25.95, 32.87, 35.48],
            spread: [0.15, 0.19, 0.79, 0.90, 0.90, 1.01, 0.88]),
        Row(
            sweep: .tasks, city: "haikou", method: "CA-noFE",
            mean: [6.64, 12.14, 18.52, 23.28, 27.55, 33.21, 36.09],
            spread: [0.15, 0.31, 0.59, 0.90, 0.38, 0.57, 1.50]),
        Row(
            sweep: .tasks, city: "haikou", method: "CAFE",
            mean: [6.71, 12.43, 18.51, 23.40, 28.37, 34.15, 36.99],
            spread: [0.15, 0.35, 0.47, 0.87, 0.45, 0.69, 0.97]),
        Row(
            sweep: .workers, city: "chengdu", method: "Greedy",
            mean: [7.63, 15.67, 19.81, 21.85, 22.88, 23.76, 24.22],
            spread: [0.42, 0.51, 0.38, 0.15, 0.37, 0.36, 0.28]),
        Row(
            sweep: .workers, city: "chengdu", method: "IPPO",
            mean: [10.45, 20.82, 23.48, 23.74, 22.79, 24.42, 23.71],
            spread: [0.34, 1.14, 1.01, 0.80, 0.31, 0.20, 0.42]),
        Row(
            sweep: .workers, city: "chengdu", method: "PAU",
            mean: [11.48, 21.54, 23.96, 24.18, 24.73, 24.17, 24.94],
            spread: [0.49, 1.05, 0.90, 0.79, 0.85, 0.62, 0.55]),
        Row(
            sweep: .workers, city: "chengdu", method: "CA-noFE",
            mean: [11.94, 21.82, 24.24, 24.40, 25.29, 24.90, 25.63],
            spread: [0.62, 0.89, 1.04, 0.80, 0.93, 0.51, 0.60]),
        Row(
            sweep: .workers, city: "chengdu", method: "CAFE",
            mean: [12.17, 21.85, 24.60, 24.66, 25.66, 25.69, 26.56],
            spread: [0.49, 1.02, 0.93, 0.71, 0.86, 0.58, 0.59]),
        Row(
            sweep: .workers, city: "haikou", method: "Greedy",
            mean: [7.71, 15.89, 19.75, 21.52, 23.10, 23.65, 23.98],
            spread: [0.30, 0.44, 0.45, 0.39, 0.28, 0.26, 0.38]),
        Row(
            sweep: .workers, city: "haikou", method: "IPPO",
            mean: [15.92, 21.80, 22.16, 22.84, 24.12, 26.68, 27.63],
            spread: [1.90, 0.60, 1.24, 0.32, 0.25, 0.33, 0.28]),
        Row(
            sweep: .workers, city: "haikou", method: "PAU",
            mean: [16.38, 22.58, 23.14, 23.28, 23.98, 26.89, 30.31],
            spread: [1.73, 0.38, 1.02, 0.90, 0.91, 0.60, 1.21]),
        Row(
            sweep: .workers, city: "haikou", method: "CA-noFE",
            mean: [16.60, 22.87, 23.21, 23.28, 24.51, 27.26, 29.87],
            spread: [1.83, 0.45, 0.79, 0.90, 0.80, 0.49, 0.55]),
        Row(
            sweep: .workers, city: "haikou", method: "CAFE",
            mean: [16.62, 23.32, 23.60, 23.40, 24.75, 27.65, 30.02],
            spread: [1.76, 0.33, 0.87, 0.87, 0.91, 0.45, 0.54]),
    ]
}
