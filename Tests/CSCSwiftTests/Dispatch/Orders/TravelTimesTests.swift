import CSCSwift
import Foundation
import Testing

@Suite("Travel times from recorded trips")
struct TravelTimesTests {
    /// Two places 4.4 km apart; there and back at different paces, slower at 8 o'clock.
    static func file() throws -> String {
        let path = NSTemporaryDirectory() + "cafe-trips-\(UUID().uuidString).csv"
        var text = "departure_time,start_lng,start_lat,dest_lng,dest_lat,normal_time_min\n"
        for trip in 0..<120 {
            let there = trip % 2 == 0
            let hour = trip % 4 < 2 ? "08" : "12"
            let minutes = (there ? 10.0 : 14) * (hour == "08" ? 2 : 1) + Double(trip % 3 - 1)
            let (a, b) = ("110.3000,20.0000", "110.3000,20.0400")
            text += "2017-06-01 \(hour):00:00,\(there ? a : b),\(there ? b : a),\(minutes)\n"
        }
        text += "2017-06-01 09:00:00,110.3,20.0,110.3,20.04,0\n"
        text += "2017-06-01 09:00:00,110.3,20.0,110.3,20.04,\n"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("the table is the median of each way, by hour too, and reads back")
    func medians() throws {
        let path = try Self.file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let times = try TravelTimes(contentsOf: path)
        #expect(times.trips.count == 120 && times.skipped == 2)
        let table = try times.table(zones: 2, byHour: true)
        #expect(table.places == 2 && table.isByHour)
        let south = table.nearest(x: 5, y: 0), north = table.nearest(x: 5, y: 20)
        #expect(table.minutes(south, north, at: 8 * 60) == 20)
        #expect(table.minutes(south, north, at: 12.5 * 60) == 10)
        #expect(table.minutes(north, south, at: 12 * 60) == 14)
        #expect(table.minutes(north, south, at: 36 * 60) == 14)
        let copy = NSTemporaryDirectory() + "cafe-table-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try table.json.pretty.write(toFile: copy, atomically: true, encoding: .utf8)
        let read = try TravelTable(contentsOf: copy)
        #expect(zip(read.minutes, table.minutes).allSatisfy { abs($0 - $1) < 1e-3 } && read.isByHour)
        #expect(throws: CSCError.self) { try TravelTimes(contentsOf: path, named: ["from_lonn": "x"]) }
        #expect(throws: CSCError.self) { try TravelTimes(contentsOf: path, named: ["from_lon": "nothing"]) }
    }

    @Test("what is no table is refused by its place")
    func refused() throws {
        let path = NSTemporaryDirectory() + "cafe-bad-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (text, wanted) in [
            (#"{"zones": [[0, 0]], "durations_min": [[-1]]}"#, "no time"),
            (#"{"zones": [[0, 0], [1, 1]], "durations_min": [[0, 1]]}"#, "as many rows"),
            (#"{"zone": []}"#, "zone: there is no such field; did you mean 'zones'?"),
            (#"{"zones": [[0, "a"]]}"#, "zones[0][1]"),
        ] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            #expect { try TravelTable(contentsOf: path) } throws: { "\($0)".contains(wanted) }
        }
    }
}
