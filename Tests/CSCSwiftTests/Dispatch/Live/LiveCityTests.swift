import CSCSwift
import Testing

/// A city that goes on: events in, the moment out.
@Suite("Live cities")
struct LiveCityTests {
    private func events(_ lines: String...) throws -> [CityEvent] {
        try lines.map { line in
            var cursor = try JSONCursor(Array(line.utf8))
            return try CityEvent(&cursor)
        }
    }

    private func city() throws -> LiveCity {
        var settings = LiveCity.Settings()
        settings.policy = "nearest"
        var city = LiveCity(settings)
        try city.apply(
            try events(
                #"{"type":"worker","id":"ana","xy":[0,0],"time":600}"#,
                #"{"type":"worker","id":"bo","xy":[9,9],"time":600}"#,
                #"{"type":"task","id":"tap","xy":[1,0],"workload_min":20,"max_team":1,"deadline":800,"time":600}"#))
        return city
    }

    @Test(
        "a plan's assignment is a promise; a decline is not asked again; a finished task frees its worker where it is")
    func promises() throws {
        var city = try city()
        let desk = DispatchDesk()
        city.take(try desk.plan(try #require(city.request)))
        let first = try #require(city.promises.keys.first), other = first == "ana" ? "bo" : "ana"
        #expect(city.promises[first]?.task == "tap" && city.promises[first]?.isLocked == false)
        try city.apply(try events(#"{"type":"decline","worker":"\#(first)","task":"tap","time":601}"#))
        #expect(city.promises[first] == nil && city.request?.declined?.count == 1)
        city.take(try desk.plan(try #require(city.request)))
        #expect(city.promises[other]?.task == "tap")
        try city.apply(try events(#"{"type":"accept","worker":"\#(other)","task":"tap","time":602}"#))
        #expect(city.request?.commitments?.first?.locked == true)
        city.take(try desk.plan(try #require(city.request)))
        #expect(city.promises[other]?.isLocked == true)
        let end = try #require(city.completion["tap"])
        try city.apply([CityEvent(.clock, at: end)])
        #expect(city.tasks.isEmpty && city.done == 1 && city.promises.isEmpty)
        #expect(city.workers.first { $0.id == other }?.xy == [1, 0])
        try city.apply([CityEvent(.done(task: "tap"), at: end)])  // late word of it is no fault
        #expect(city.done == 1)
    }

    @Test("a deadline that passes, a task that is called off, a worker who goes")
    func endings() throws {
        var city = try city()
        city.take(try DispatchDesk().plan(try #require(city.request)))
        try city.apply(
            try events(#"{"type":"cancel","task":"tap","time":603}"#, #"{"type":"off","worker":"ana","time":604}"#))
        #expect(city.cancelled == 1 && city.workers.map(\.id) == ["bo"] && city.promises.isEmpty)
        try city.apply(
            try events(
                #"{"type":"task","id":"x","xy":[1,0],"workload_min":20,"deadline":700,"time":605}"#,
                #"{"type":"clock","time":700}"#))
        #expect(city.lapsed == 1 && city.tasks.isEmpty)
    }

    @Test("what is wrong is named by its place, and nothing of the batch is taken")
    func faults() throws {
        var city = try city()
        for (line, path) in [
            (#"{"type":"clock","time":1}"#, "[1].time"), (#"{"type":"off","worker":"anna","time":601}"#, "[1].worker"),
            (#"{"type":"done","task":"tab","time":601}"#, "[1].task"),
            (#"{"type":"accept","worker":"bo","task":"tap","time":601}"#, "[1].task"),
            (#"{"type":"clock","time":"2026-01-01T00:00:00Z"}"#, "[1].time"),
        ] {
            let batch = try events(#"{"type":"off","worker":"ana","time":601}"#, line)
            let fault = #expect(throws: DispatchFault.self) { try city.apply(batch) }
            #expect(fault?.path == path)
            #expect(city.workers.count == 2)
        }
        for (line, path) in [
            (#"{"type":"clok","time":1}"#, "type"), (#"{"type":"clock"}"#, "time"),
            (#"{"type":"off","time":1}"#, "worker"),
            (#"{"type":"worker","id":"x","xi":[1,2],"time":1}"#, "xi"),
            (#"{"type":"position","worker":"a","time":1}"#, "location"),
        ] {
            let fault = #expect(throws: JSONCursor.Fault.self) { _ = try events(line) }
            #expect(fault?.path == path)
        }
    }
}
