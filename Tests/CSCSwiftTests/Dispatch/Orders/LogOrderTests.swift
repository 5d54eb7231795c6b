import CSCSwift
import Foundation
import Testing

/// Orders out of a service's log.
@Suite struct LogOrderTests {
    private static func log(_ events: [String], _ settings: LiveCity.Settings = .init()) throws -> String {
        var city = LiveCity(settings), text = ""
        let desk = DispatchDesk(), encoder = JSONEncoder()
        for event in events {
            var cursor = try JSONCursor(Array(event.utf8))
            try city.apply([try CityEvent(&cursor)])
            let request = try #require(city.request), plan = try desk.plan(request)
            text += DispatchLog.line(request: Array(try encoder.encode(request)), plan: plan)
            city.take(plan)
        }
        return text
    }

    @Test func eachTaskOnceWithPlaceTimePayAndWorkload() throws {
        let folder = try ReaderTests.Folder()
        let text = try Self.log([
            #"{"type":"worker","id":"ana","location":[104.0,30.6],"time":"2026-11-30T08:00:00+08:00"}"#,
            #"{"type":"task","id":"a","location":[104.01,30.6],"workload_min":20,"pay":7,"time":"2026-11-30T08:30:00+08:00"}"#,
            #"{"type":"clock","time":"2026-11-30T08:31:00+08:00"}"#,
            #"{"type":"task","id":"b","location":[104.0,30.61],"workload_min":10,"time":"2026-12-01T00:10:00+08:00"}"#,
        ])
        let path = try folder.write("city.log", text)
        #expect(try OrderFormat.detect(path) == .log)
        let orders = try RecordedOrders.read(path)
        #expect(orders.orders.count == 2 && orders.workers.count == 1 && orders.days == 2 && orders.isTimed)
        #expect(orders.orders.map(\.minute) == [510, 10] && orders.orders.map(\.day) == [0, 1])
        #expect(orders.orders.map(\.fare) == [7, nil] && orders.orders.map(\.duration) == [20, 10])
        let east = orders.orders[0].x - orders.workers[0].x
        #expect(abs(east - 0.957) < 0.01, "\(east) km")
        var reading = OrderReading()
        reading.zone = DayZone("UTC")
        #expect(try RecordedOrders.read(path, reading).orders.map(\.minute) == [30, 970])
    }

    @Test func placesOfTwoKindsAreRefusedByTheirLine() throws {
        let folder = try ReaderTests.Folder()
        let text =
            try Self.log([#"{"type":"task","id":"a","xy":[1,2],"workload_min":20,"time":1}"#])
            + Self.log([#"{"type":"task","id":"b","location":[1,2],"workload_min":20,"time":2}"#])
        let path = try folder.write("city.log", text)
        let error = #expect(throws: CSCError.self) { _ = try RecordedOrders.read(path) }
        #expect("\(String(describing: error))".contains("request.tasks[0]"))
    }

    @Test func aScenarioCompletesWhatEventsLeaveOut() throws {
        var settings = LiveCity.Settings()
        settings.scenario = "chengdu"
        var city = LiveCity(settings)
        for event in [
            #"{"type":"worker","id":"ana","xy":[0,0],"time":0}"#,
            #"{"type":"task","id":"a","xy":[1,0],"workload_min":20,"pay":5,"time":10}"#,
        ] {
            var cursor = try JSONCursor(Array(event.utf8))
            try city.apply([try CityEvent(&cursor)])
        }
        let task = try #require(city.tasks.first), scenario = Scenario.chengdu
        #expect(city.workers[0].speed == scenario.speed.mean && city.workers[0].reach == scenario.reach)
        #expect(task.pay == 5 && task.expected?.value == 10 + scenario.expected.mean)
        #expect(task.deadline?.value == 10 + scenario.expected.mean + scenario.grace.mean)
        #expect(task.penalty == scenario.penalty * 5 / scenario.grace.mean)
    }
}
