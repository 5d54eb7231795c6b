import CSCSwift
import Foundation
import Testing

@Suite struct ReaderTests {
    /// A folder of its own that is gone when the test ends.
    final class Folder {
        let path: String
        init() throws {
            path = FileManager.default.temporaryDirectory.appendingPathComponent("cafe-\(UUID())").path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        func file(_ name: String) -> String { path + "/" + name }
        func write(_ name: String, _ text: String) throws -> String {
            try text.write(toFile: file(name), atomically: true, encoding: .utf8)
            return file(name)
        }
    }

    /// The shipped data beside the package, or nil.
    static func data(_ name: String) -> String? {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let path = root.appendingPathComponent("../shared/data/spatial/\(name)").standardized.path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }

    @Test func instanceRoundTrip() throws {
        let folder = try Folder()
        let instance = Scenario.chengdu.instance(tasks: 40, workers: 25, seed: 8, episode: EpisodeRange.evaluation[2])
        try instance.write(tasks: folder.file("tasks.csv"), workers: folder.file("workers.csv"))
        let (again, reports) = try Instance.read(tasks: folder.file("tasks.csv"), workers: folder.file("workers.csv"))
        #expect(again.tasks == instance.tasks && again.workers == instance.workers)
        #expect(reports.map(\.rows) == [40, 25])
        #expect(try OrderFormat.detect(folder.file("tasks.csv")) == .instance)
    }

    @Test func badRowsAreNamedOrCounted() throws {
        let folder = try Folder()
        let header = "release,x,y,skill,workload,expected,deadline,pay,penalty_rate\n"
        let good = "0,1,1,0,10,20,30,1,0.1\n"
        let tasks = try folder.write("tasks.csv", header + good + "5,1,1,0,ten,20,30,1,0.1\n" + good)
        let workers = try folder.write(
            "workers.csv", "x,y,skills,speed,reach,shift_start,shift_end\n0,0,0 1,0.5,10,0,100\n0,0,0;9,0.5,10,0,100\n")
        #expect(
            throws: CSCError.row(
                path: tasks, line: 3, column: "workload", value: "ten", reason: "a finite number is wanted")
        ) { try Instance.read(tasks: tasks, workers: workers) }
        let (instance, reports) = try Instance.read(tasks: tasks, workers: workers, badRows: .skip)
        #expect(instance.tasks.count == 2 && instance.workers.count == 1)
        #expect(reports.map(\.skipped) == [1, 1])
    }

    @Test func haikouOrdersBySmallFile() throws {
        let folder = try Folder()
        let path = try folder.write(
            "orders.csv",
            """
            order_id,departure_time,arrive_time,start_lng,start_lat,pre_total_fee,normal_time_min
            1,2017-05-01 08:00:00,2017-05-01 08:10:00,110.30,20.00,10,20
            2,2017-05-02 08:30:30,2017-05-02 08:40:00,110.31,20.00,30,40
            3,2017-05-02 20:00:00,2017-05-02 20:40:00,110.30,20.01,20,30

            """)
        #expect(try OrderFormat.detect(path) == .haikouOrders)
        let recorded = try RecordedOrders.read(path)
        #expect(recorded.days == 2 && recorded.orders.map(\.day) == [0, 1, 1])
        #expect(recorded.orders.map(\.minute) == [480, 510.5, 1200])
        // 0.01 degree of longitude at 20 degrees north is 1.0449 km; 0.01 degree of latitude 1.1119 km.
        let orders = recorded.orders
        #expect(abs(orders[1].x - orders[0].x - 1.0449) < 1e-3 && orders[1].y == orders[0].y)
        #expect(abs(orders[2].y - orders[0].y - 1.1119) < 1e-3)
        let days = try RecordedDays(recorded, scenario: .haikou, from: 475, terms: .file)
        #expect(days.available == 2)
        let instance = days.instance(tasks: 10, workers: 3, seed: 1, episode: EpisodeRange.evaluation[0])
        #expect(instance.tasks.map(\.release) == [5, 35.5])
        #expect(abs(instance.tasks[1].pay / instance.tasks[0].pay - 3) < 1e-9)
        #expect(abs(instance.tasks[1].workload / instance.tasks[0].workload - 2) < 1e-9)
        #expect(instance == days.instance(tasks: 10, workers: 3, seed: 1, episode: EpisodeRange.evaluation[0]))
    }

    /// Three days of orders: each order's minute and place tell its row.
    static func threeDays(_ folder: Folder) throws -> String {
        var text = "order_id,departure_time,start_lng,start_lat\n"
        for day in 1...3 {
            for order in 0..<10 {
                let hour = day == 3 ? "20" : "08"  // the third day is busy in the evening
                text += "\(order),2017-05-0\(day) \(hour):\(10 + order):00,110.\(30 + order),20.0\(day)\n"
            }
        }
        return try folder.write("orders.csv", text)
    }

    @Test func heldOutDaysAndPartsShareNoOrder() throws {
        let folder = try Folder()
        let recorded = try RecordedOrders.read(Self.threeDays(folder))
        func orders(_ days: RecordedDays) -> Set<[Double]> {
            Set(
                days.instance(tasks: 99, workers: 1, seed: 1, episode: EpisodeRange.evaluation[0]).tasks.map {
                    [$0.x, $0.y, $0.release]
                })
        }
        let first = try RecordedDays(recorded, scenario: .haikou, days: 0..<1)
        let second = try RecordedDays(recorded, scenario: .haikou, days: 1..<2)
        #expect(first.available == 10 && second.available == 10)
        #expect(orders(first).isDisjoint(with: orders(second)))
        // The hours are those of the whole file, so days chosen for training and for evaluation are comparable.
        #expect(first.from == second.from)
        let whole = try RecordedDays(recorded, scenario: .haikou)
        let parts = try (1...3).map {
            try RecordedDays(recorded, scenario: .haikou, part: RecordedDays.Part($0, of: 3))
        }
        #expect(parts.reduce(Set()) { $0.union(orders($1)) } == orders(whole))
        #expect(parts.map(\.available).reduce(0, +) == whole.available)
        #expect(orders(parts[0]).isDisjoint(with: orders(parts[1])))
        #expect(RecordedDays.Part(0, of: 2) == nil && RecordedDays.Part(3, of: 2) == nil)
    }

    @Test func daysThatTheFileLacksAreRefused() throws {
        let folder = try Folder()
        let recorded = try RecordedOrders.read(Self.threeDays(folder))
        #expect { try RecordedDays(recorded, scenario: .haikou, days: 2..<9) } throws: {
            "\($0)".contains("days 2-8 were asked for, it has days 0-2")
        }
        let places = try folder.write("places.csv", "num,lat,lng\n1,30.6,104.0\n2,30.7,104.1\n")
        let untimed = try RecordedOrders.read(places)
        #expect { try RecordedDays(untimed, scenario: .haikou, days: 0..<1) } throws: { "\($0)".contains("no times") }
        #expect(try RecordedDays(untimed, scenario: .haikou, part: RecordedDays.Part(2, of: 2)).available == 1)
    }

    @Test func taxiLines() throws {
        let folder = try Folder()
        let path = try folder.write("data.txt", "2 1\n0 t 3859 3453 600\n291 w 5407 6458 300 1500\n400 t 100 200 600\n")
        #expect(try OrderFormat.detect(path) == .taxi)
        let recorded = try RecordedOrders.read(path)
        #expect(recorded.orders.map(\.x) == [3.859, 0.1] && recorded.workers.map(\.reach) == [1.5])
        let bad = try folder.write("bad.txt", "1 0\n0 q 1 2 3\n")
        #expect(
            throws: CSCError.row(
                path: bad, line: 2, column: "kind", value: "q", reason: "'t' for a task or 'w' for a worker is wanted")
        ) { try RecordedOrders.read(bad) }
    }

    @Test func unknownLayoutIsRefused() throws {
        let folder = try Folder()
        let path = try folder.write("x.csv", "a,b,c\n1,2,3\n")
        #expect(throws: CSCError.self) { try OrderFormat.detect(path) }
    }

    @Test(arguments: [
        ("haikou-orders/orders.csv", OrderFormat.haikouOrders, 13474, 0),
        ("chengdu-pickups/pickups.csv", .chengduPickups, 52355, 491),
        ("gowalla-la/tasks.csv", .gowalla, 26394, 2000),
        ("taxi-workers-tasks/data.txt", .taxi, 82171, 82171),
    ])
    func shippedData(name: String, format: OrderFormat, orders: Int, workers: Int) throws {
        guard let path = Self.data(name) else {
            print("skipped: ../shared/data/spatial/\(name) is not there")
            return
        }
        #expect(try OrderFormat.detect(path) == format)
        let recorded = try RecordedOrders.read(path)
        #expect(recorded.orders.count == orders && recorded.workers.count == workers)
        let days = try RecordedDays(recorded, scenario: .haikou)
        let instance = days.instance(tasks: 60, workers: 30, seed: 1, episode: EpisodeRange.evaluation[3])
        #expect(instance.tasks.count == 60 && instance.workers.count == 30)
        #expect(instance.tasks.allSatisfy { (0..<90).contains($0.release) })
        let revenue = DispatcherKind.coalition.make().play(
            instance, in: SpatialCrowdsourcing(), stream: RandomStream(seed: 1, purpose: .dispatcher))
        #expect(revenue > 0)
    }

    @Test func scenarioYAMLRoundTrip() throws {
        for city in Scenario.all { #expect(try Scenario.read(yaml: city.yaml()) == city) }
        let mine = try Scenario.read(yaml: "base: haikou\nname: mine\nspeed: {low: 10}\nskills: 2\n")
        #expect(mine.name == "mine" && mine.speed == Scenario.Interval(10, 28.6) && mine.skills == 2)
        #expect(mine.hotSpots == Scenario.haikou.hotSpots)
    }

    @Test(arguments: [
        ("base: chengdu\nhorizn: 3\n", "horizn", "no such key; did you mean 'horizon'?"),
        ("base: chengdu\nspeed: {lo: 3}\n", "speed.lo", "no such key; did you mean 'low'?"),
        ("base: chengdu\nskills: 0\n", "skills", "0 is not in 1...64"),
        ("base: chengdu\nhorizon: long\n", "horizon", "the value is of the wrong kind; wanted: minutes, such as 135"),
        ("name: x\n", "side", "it is missing (or name a base: 'base: chengdu')"),
        ("base: chengdu\nworkload: {low: 9, high: 3}\n", "workload", "[9.0, 3.0] is not an interval"),
    ])
    func badScenarios(text: String, key: String, reason: String) {
        let line = key == "side" ? nil : 2
        #expect {
            try Scenario.read(yaml: text, path: "my.yaml")
        } throws: { error in
            guard case .entry("my.yaml", line, key, let said) = error as? CSCError else { return false }
            return said.hasPrefix(reason)
        }
    }
}
