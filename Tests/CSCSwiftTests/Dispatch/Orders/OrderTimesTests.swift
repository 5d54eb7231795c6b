import CSCSwift
import Foundation
import Testing

/// Recorded orders as people have them: times of every kind, columns of any name, packed files.
@Suite struct OrderTimesTests {
    private static let header = "order_id,departure_time,start_lng,start_lat,pre_total_fee,normal_time_min\n"

    private static func read(
        _ times: [String], _ folder: ReaderTests.Folder, zone: String? = nil, badRows: CSVReader.BadRows = .fail
    ) throws -> RecordedOrders {
        let rows = times.enumerated().map { "\($0),\($1),110.\(30 + $0),20.0,10,20\n" }
        var reading = OrderReading()
        reading.zone = zone.flatMap { DayZone($0) }
        reading.badRows = badRows
        return try RecordedOrders.read(folder.write("o.csv", header + rows.joined()), reading)
    }

    @Test("a first row before 1970 takes no time from the others")
    func firstRowBefore1970() throws {
        let folder = try ReaderTests.Folder()
        let recorded = try Self.read(["1969-12-31 16:00:00", "2017-05-01 08:00:00", "2017-05-01 09:30:00"], folder)
        #expect(recorded.isTimed && recorded.orders.map(\.minute) == [960, 480, 570])
        #expect(recorded.orders[0].day == 0 && recorded.orders[1].day == recorded.days - 1)
        #expect(recorded.overview.warnings.contains { $0.contains("is a date wrong?") })
        let days = try RecordedDays(recorded, scenario: .haikou, from: 475)
        #expect(
            days.instance(tasks: 9, workers: 1, seed: 1, episode: EpisodeRange.evaluation[0]).tasks.map(\.release) == [
                5
            ])
    }

    @Test(
        "days are cut by the clock that the file writes, or by --zone",
        arguments: [
            ("2017-05-01T07:30:00+08:00", nil, 450.0, "+08:00"), ("2017-05-01T07:30:00Z", nil, 450, "UTC"),
            ("2017-05-01 07:30:00", nil, 450, "names no zone"), ("2017-05-01T07:30:00+0800", "UTC", 1410, "UTC"),
            ("2017-05-01T07:30:00Z", "+08:00", 930, "+08:00"),
            ("2017-07-01T07:30:00Z", "Europe/Paris", 570, "Europe/Paris"),
            ("2017-01-01T07:30:00Z", "Europe/Paris", 510, "Europe/Paris"),
            ("1493623800", nil, 450, "seconds since 1970"),
            ("1493623800000", "+08:00", 930, "+08:00"), ("1493623800000000", nil, 450, "microseconds since 1970"),
            ("2017-05-01 07:30:00 UTC", nil, 450, "UTC"), ("2017-05-01 07:30:00+08", nil, 450, "+08:00"),
        ] as [(String, String?, Double, String)])
    func zones(time: String, zone: String?, minute: Double, clock: String) throws {
        let folder = try ReaderTests.Folder()
        let recorded = try Self.read([time], folder, zone: zone)
        #expect(recorded.orders[0].minute == minute)
        #expect(recorded.overview.clock?.contains(clock) == true, "\(recorded.overview.clock ?? "")")
    }

    @Test("three local days are three days", arguments: ["+08:00", "-05:00"])
    func localDays(offset: String) throws {
        let folder = try ReaderTests.Folder()
        let times = (1...3).flatMap { day in ["00:10", "23:50"].map { "2017-05-0\(day)T\($0):00\(offset)" } }
        let recorded = try Self.read(times, folder)
        #expect(recorded.days == 3 && recorded.orders.map(\.day) == [0, 0, 1, 1, 2, 2])
    }

    @Test(
        "a row whose time does not go with the first one's is named",
        arguments: [
            (["2017-05-01 08:00:00", "2017-05-01T08:00:00Z"], "no zone"),
            (["2017-05-01T08:00:00+01:00", "2017-05-01T08:00:00+02:00"], "--zone"),
            (["1493623800", "1493623800000"], "milliseconds"),
            (["2017-05-01 08:00:00", "1493623800"], "a date and time"),
        ])
    func mixtures(times: [String], words: String) throws {
        let folder = try ReaderTests.Folder()
        #expect { try Self.read(times, folder) } throws: { error in
            guard case .row(_, 3, "departure_time", times[1], let reason) = error as? CSCError else { return false }
            return reason.contains("line 2") && reason.contains(words)
        }
        let skipped = try Self.read(times, folder, badRows: .skip)
        #expect(skipped.orders.count == 1 && skipped.report.skipped == 1)
    }

    @Test("summer time is no mixture where the zone is named")
    func summerTime() throws {
        let folder = try ReaderTests.Folder()
        let recorded = try Self.read(
            ["2017-05-01T08:00:00+02:00", "2017-12-01T08:00:00+01:00"], folder, zone: "Europe/Paris")
        #expect(recorded.orders.map(\.minute) == [480, 480])
    }

    @Test(
        "a number that counts no time since 1970 is refused", arguments: ["480", "28800.5", "-5", "1e30", "tomorrow"])
    func noTime(text: String) throws {
        let folder = try ReaderTests.Folder()
        #expect { try Self.read([text], folder) } throws: { "\($0)".contains("a number of seconds since 1970") }
    }

    @Test("a city on the date line is as one city, outliers do not set a forecast's scale")
    func dateLineAndOutliers() throws {
        let folder = try ReaderTests.Folder()
        func orders(around middle: Double, extra: String = "") throws -> RecordedOrders {
            var text = Self.header
            for order in 0..<300 {
                var longitude = middle + Double(order % 20 - 10) * 0.004
                if longitude > 180 { longitude -= 360 }
                text +=
                    "\(order),2017-05-01 08:\(10 + order % 50):00,\(longitude),\(Double(order % 15) * 0.004),10,20\n"
            }
            return try RecordedOrders.read(folder.write("o.csv", text + extra))
        }
        let (here, there) = (try orders(around: 110), try orders(around: 180))
        #expect(zip(here.orders, there.orders).allSatisfy { abs($0.x - $1.x) < 1e-6 && abs($0.y - $1.y) < 1e-6 })
        let far = try orders(around: 110, extra: "x,2017-05-01 08:30:00,150.0,40.0,10,20\n")
        #expect(far.overview.warnings.contains { $0.contains("far from all others") })
        func extent(_ recorded: RecordedOrders) throws -> Double {
            let days = try RecordedDays(recorded, scenario: .haikou)
            return DemandForecast(
                (0..<8).map { days.instance(tasks: 301, workers: 5, seed: 1, episode: EpisodeRange.forecast[$0]) }
            ).extent
        }
        #expect(try extent(here) < 12 && extent(far) < 18)
    }

    @Test("pay is the fare in the file's money, also on other days; a duration of 0 is a bad row")
    func terms() throws {
        let folder = try ReaderTests.Folder()
        let text =
            Self.header + "1,2017-05-01 08:00:00,110.30,20.00,7.5,20\n2,2017-05-02 08:30:00,110.31,20.00,30,60\n"
        let recorded = try RecordedOrders.read(folder.write("o.csv", text))
        for day in 0...1 {
            let days = try RecordedDays(recorded, scenario: .haikou, days: day..<(day + 1), from: 475, terms: .file)
            let task = days.instance(tasks: 9, workers: 1, seed: 1, episode: EpisodeRange.evaluation[0]).tasks[0]
            #expect(task.pay == [7.5, 30][day])
            #expect(abs(task.workload - Scenario.haikou.workload.mean * [0.5, 1.5][day]) < 1e-9)
            #expect(days.notes.contains { $0.contains("in the file's money") })
        }
        let zero = try folder.write("z.csv", text + "3,2017-05-02 08:31:00,110.31,20.00,30,0\n")
        var reading = OrderReading()
        #expect(try RecordedOrders.read(zero, reading).orders.count == 3)
        reading.needsTerms = true
        #expect { try RecordedOrders.read(zero, reading) } throws: {
            guard case .row(zero, 4, "normal_time_min", "0", _) = $0 as? CSCError else { return false }
            return true
        }
        reading.badRows = .skip
        #expect(try RecordedOrders.read(zero, reading).report.skipped == 1)
    }

    @Test("columns of any name, packed by gzip")
    func columns() throws {
        let folder = try ReaderTests.Folder()
        let path = try folder.write(
            "rides.csv",
            "pickup;where east;where north;cost;mins\n2024-03-01 08:00:00;10.01;50.00;5;10\n2024-03-01 08:30:00;10.02;50.01;15;30\n"
        )
        #expect { try OrderFormat.detect(path) } throws: {
            "\($0)".contains("--columns") && "\($0)".contains("'where east'")
        }
        var reading = OrderReading()
        reading.columns = try OrderColumns(
            text: "release=pickup,longitude=where east,latitude=where north,fare=cost,duration=mins")
        let recorded = try RecordedOrders.read(path, reading)
        #expect(recorded.orders.map(\.minute) == [480, 510] && recorded.orders.map(\.fare) == [5, 15])
        #expect(recorded.orders.map(\.duration) == [10, 30])
        #expect(recorded.overview.columns?.contains("release=pickup") == true)
        #expect(throws: CSCError.self) { try OrderColumns(text: "release=a,release=b") }
        #expect { try OrderColumns(text: "longitud=a") } throws: { "\($0)".contains("did you mean 'longitude'") }
        let packed = folder.file("rides.csv.gz")
        try #require(
            Data(
                base64Encoded:
                    "H4sIAAAAAAAAAyvITM4uLdDJyc/TyUks0UnOLy7Ryc3MK+YyMjAy0TUw1jUwVDCwsDIwACIdQwM9A0MdUyBpoGMK5KEp"
                    + "MoYrMgIrMtQxNNUxNuACAMnzrT5kAAAA")
        ).write(to: URL(fileURLWithPath: packed))
        reading.columns = try OrderColumns(text: "release=pickup,fare=cost,duration=mins")
        let unpacked = try RecordedOrders.read(packed, reading)
        #expect(unpacked.orders.map(\.minute) == [480, 510] && unpacked.orders.map(\.fare) == [5, 15])
        reading.columns = try OrderColumns(text: "longitude=lat,latitude=nowhere")
        #expect { try RecordedOrders.read(path, reading) } throws: { "\($0)".contains("'lat'") }
    }

    @Test("usual names of public data sets are found; x and y in metres")
    func usualNames() throws {
        let folder = try ReaderTests.Folder()
        let taxi = try folder.write(
            "t.csv",
            "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,pickup_longitude,pickup_latitude,fare_amount\n"
                + "1,2016-01-01 00:00:00,2016-01-01 00:12:30,-73.99,40.73,9.5\n")
        let recorded = try RecordedOrders.read(taxi)
        #expect(recorded.format == .columns && recorded.orders[0].duration == 12.5 && recorded.orders[0].fare == 9.5)
        let metres = try folder.write("m.csv", "east,north\n1000,2000\n3000,2500\n")
        var reading = OrderReading()
        reading.columns = try OrderColumns(text: "x=east,y=north", units: .m)
        let places = try RecordedOrders.read(metres, reading)
        #expect(places.orders.map(\.x) == [1, 3] && places.orders.map(\.y) == [2, 2.5] && !places.isTimed)
    }

    @Test(
        "what is no table is called by its name",
        arguments: [
            ("[{\"task\": \"a\"}]", "JSON"), ("{\"tasks\": []}", "JSON"), ("PAR1....", "Parquet"),
            ("PK\u{3}\u{4}....xl/....", "xlsx"),
        ])
    func otherKinds(text: String, name: String) {
        #expect { try CSVReader(text: text) } throws: { "\($0)".contains(name) }
    }
}
