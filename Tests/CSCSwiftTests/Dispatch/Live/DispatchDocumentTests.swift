import CSCSwift
import Foundation
import Testing

@Suite("Dispatch documents: what is read")
struct DispatchDocumentTests {
    static let good = """
        {"now": 0, "workers": [{"id": "w", "xy": [0, 0], "skills": ["a"]}],
         "tasks": [{"id": "t", "xy": [1, 0], "skill": "a", "workload_min": 5, "deadline": 60, "pay": 3}]}
        """

    static func fault(_ json: String) -> String? {
        do {
            _ = try DispatchDesk().plan(DispatchRequest(json: Array(json.utf8)))
            return nil
        } catch let fault as JSONCursor.Fault {
            return DispatchFault(fault).description
        } catch {
            return "\(error)"
        }
    }

    static func swap(_ old: String, _ new: String) -> String {
        let text = good.replacingOccurrences(of: old, with: new)
        precondition(text != good)
        return text
    }

    @Test("a number is read to the last bit, whatever its digits")
    func digits() throws {
        var stream = RandomStream(seed: 3, purpose: .test)
        var texts = [
            "0.1", "123456789012345678", "0.123456789012345678", "9007199254740993.5", "-0.30000000000000004", "5e-19",
        ]
        texts += [
            "1.7976931348623157e14", "9007199254740992.5", "9007199254740994.5", "0.0000000000000000001", "1e-300",
        ]
        for number in 0..<100_000 {
            let value = (stream.unit() - 0.5) * (number % 3 == 0 ? 1e-6 : number % 3 == 1 ? 1e9 : 360)
            texts.append("\(value)")
            if number % 2 == 0 { texts.append("\(Int(value)).\(stream.next() % 1_000_000_000_000_000_000)") }
        }
        for text in texts {
            var cursor = try JSONCursor(Array(text.utf8))
            let read = try cursor.number(limit: 1e300)
            #expect(read.bitPattern == Double(text)!.bitPattern, "\(text)")
        }
    }

    @Test("each fault is named by its path")
    func faults() throws {
        #expect(Self.fault(Self.good) == nil)
        for (text, wanted) in [
            (Self.swap("\"deadline\": 60", "\"deadline\": \"07:60\""), "tasks[0].deadline: 07:60 is not a time"),
            (Self.swap("\"pay\"", "\"payy\""), "tasks[0].payy: there is no such field; did you mean 'pay'?"),
            (
                Self.swap("\"now\": 0", "\"now\": 0, \"wrkers\": []"),
                "wrkers: there is no such field; did you mean 'workers'?"
            ),
            (Self.swap("\"now\": 0", "\"now\": 0, \"now\": 1"), "now: is there twice"),
            (Self.swap("\"workload_min\": 5", "\"workload_min\": -5"), "tasks[0].workload_min: -5.0 is not above 0"),
            (Self.swap("\"workload_min\": 5", "\"workload_min\": \"5\""), "tasks[0].workload_min: a number is wanted"),
            (Self.swap("\"workload_min\": 5,", ""), "tasks[0].workload_min: is missing"),
            (Self.swap("\"xy\": [1, 0]", "\"xy\": [1]"), "tasks[0].xy: x and y"),
            (
                Self.swap("\"xy\": [1, 0]", "\"location\": [1, 0]"),
                "tasks[0]: has location where those before it have xy"
            ),
            (Self.swap("\"xy\": [1, 0],", ""), "tasks[0]: has no place"),
            (Self.swap("\"xy\": [1, 0]", "\"location\": [1, 91]"), "tasks[0].location: [1.0, 91.0] is beyond"),
            (Self.swap("\"now\": 0", "\"now\": 1e300"), "now: "),
            (Self.swap("\"now\": 0", "\"now\": 1732940000000000"), "now: "),
            (Self.swap("\"now\": 0", "\"now\": NaN"), "now: "),
            (
                Self.swap("\"now\": 0", "\"now\": \"2026-11-30T10:00:00Z\""),
                "tasks[0].deadline: 60 is not of the kind of now"
            ),
            (
                Self.swap("\"now\": 0", "\"now\": 0, \"policy\": \"coalitoin\""),
                "policy: no policy is called 'coalitoin'; did you mean 'coalition'?"
            ),
            (
                Self.swap("\"now\": 0", "\"now\": 0, \"commitments\": [{\"worker\": \"x\", \"task\": \"t\"}]"),
                "commitments[0].worker: there is no worker 'x'"
            ),
            (
                Self.swap("\"now\": 0", "\"now\": 0, \"travel\": {\"durations_min\": [[0, 1], [1]]}"),
                "workers[0].index: is missing"
            ),
            (
                Self.swap("\"skill\": \"a\"", "\"roles\": [{\"skill\": \"a\", \"count\": 99}]"),
                "tasks[0].roles[0].count: 99 is not a whole number"
            ),
            (
                Self.swap("\"skill\": \"a\"", "\"roles\": [{\"skill\": \"a\", \"count\": 3}], \"max_team\": 2"),
                "tasks[0].max_team: 2 is less"
            ),
            ("", "the document ends too early"), ("[]", "an object is wanted"), ("{", "the document ends too early"),
            (Self.good + "x", "something follows the document"),
            (String(repeating: "[", count: 100_000), "an object is wanted"),
            ("{\"now\": " + String(repeating: "[", count: 100_000), "now: "),
        ] {
            let found = Self.fault(text)
            #expect(found?.hasPrefix(wanted) ?? false, "\(found ?? "accepted") for \(wanted)")
        }
    }

    @Test("the same id twice is refused, also among many")
    func duplicates() throws {
        var request = DispatchRequest(now: .minutes(0), workers: [], tasks: [])
        for number in [0, 1, 2, 1] {
            var worker = DispatchRequest.Worker(id: "w\(number)")
            worker.xy = [0, 0]
            request.workers.append(worker)
        }
        #expect { try DispatchDesk().plan(request) } throws: {
            "\($0)".hasPrefix("workers[3].id: 'w1' is the id of workers[1] too")
        }
    }

    @Test("ids that differ in their bytes are different, and come back byte for byte")
    func ids() throws {
        let ids = ["\u{e9}", "e\u{301}", "a\u{0}b", "\u{1F600}", "\"\\/", "  ", "\u{202E}x", "\u{7f}\u{1}"]
        var request = DispatchRequest(now: .minutes(0), workers: [], tasks: [])
        request.policy = "coalition"
        for id in ids {
            var worker = DispatchRequest.Worker(id: id)
            worker.xy = [0, 0]
            request.workers.append(worker)
        }
        let text = try JSONEncoder().encode(request)
        let plan = try DispatchDesk().plan(DispatchRequest(json: [UInt8](text)))
        let answer = try JSONDecoder().decode(DispatchPlan.self, from: Data(plan.json.line.utf8))
        #expect(answer.idle.map { Array($0.worker.utf8) } == ids.map { Array($0.utf8) })
        let escaped = #"{"now": 0, "workers": [{"id": "\u00e9\ud83d\ude00\n", "xy": [0, 0]}], "tasks": []}"#
        #expect(try DispatchRequest(json: Array(escaped.utf8)).workers[0].id == "\u{e9}\u{1F600}\n")
        #expect(throws: JSONCursor.Fault.self) { try DispatchRequest(json: Array(#"{"now": "\ud83d"}"#.utf8)) }
        #expect(throws: JSONCursor.Fault.self) { try DispatchRequest(json: [0x7B, 0xFF, 0x7D]) }
    }

    @Test("times are minutes or dates of any zone, and are answered in the kind and zone of now")
    func times() throws {
        for (text, minutes) in [
            ("1970-01-01T00:00Z", 0.0), ("1970-01-01T08:00:30+08:00", 0.5), ("1969-12-31T23:00:00-0100", 0),
            ("2024-02-29T12:00:00.750Z", 28_486_800.0125), ("2026-11-30T24:00Z", 29_934_720),
        ] {
            let time = try #require(PlanTime(iso: text), "\(text)")
            #expect(abs(time.value - minutes) < 1e-6, "\(text): \(time.value)")
            #expect(abs(PlanTime(iso: time.text)!.value - minutes) < 1e-6, "\(time.text)")
        }
        for text in [
            "", "07:60", "2026-11-30", "2026-11-30T10:00", "2026-13-01T10:00Z", "2026-02-30T10:00Z",
            "2026-11-30T10:60Z",
            "2026-11-30T25:00Z", "2026-11-30T10:00+8", "2026-11-30T10:00:00.Z", "２026-11-30T10:00Z",
        ] {
            #expect(PlanTime(iso: text) == nil, "\(text)")
        }
        let dated = """
            {"now": "2026-11-30T10:00:00+08:00", "policy": "coalition",
             "workers": [{"id": "w", "location": [104.06, 30.66], "speed_kmh": 60, "shift": ["2026-11-30T08:00+08:00", "2026-11-30T18:00+08:00"]}],
             "tasks": [{"id": "t", "location": [104.06, 30.66], "workload_min": 30.5, "deadline": "2026-11-30T03:00Z"}]}
            """
        let plan = try DispatchDesk().plan(DispatchRequest(json: Array(dated.utf8)))
        #expect(plan.assignments.first?.arrival?.text == "2026-11-30T10:00:00+08:00")
        #expect(plan.tasks.first?.completion?.text == "2026-11-30T10:30:30+08:00")
    }

    @Test("numbers are read to the last bit")
    func numbers() throws {
        var stream = RandomStream(seed: 2, purpose: .test)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: stream.next())
            if !value.isFinite || abs(value) > 1e15 || abs(value) < 1e-300 { continue }
            var cursor = try JSONCursor(Array("\(value)".utf8))
            #expect(try cursor.number().bitPattern == value.bitPattern)
        }
        for text in ["0", "-0.5", "1e3", "1.25E-2", "123456789012345678901234567890e-20", "0.1", "1e-400"] {
            var cursor = try JSONCursor(Array(text.utf8))
            #expect(try cursor.number() == Double(text)!)
        }
        for text in ["01", "-", "1.", ".5", "1e", "+1", "0x10", "1_0", "Infinity", "1..2"] {
            #expect(throws: JSONCursor.Fault.self, "\(text)") {
                var cursor = try JSONCursor(Array(text.utf8))
                _ = try cursor.number()
                try cursor.end()
            }
        }
    }

    @Test("changed bytes are answered or refused, never a trap")
    func mutations() throws {
        var stream = RandomStream(seed: 4, purpose: .test)
        var moments = RandomMoments(seed: 3)
        let desk = DispatchDesk()
        var refused = 0
        for _ in 0..<1500 {
            var bytes = [UInt8](try JSONEncoder().encode(moments.next()))
            for _ in 0..<1 + stream.index(below: 4) {
                let at = stream.index(below: bytes.count)
                switch stream.index(below: 4) {
                case 0: bytes[at] = UInt8(stream.index(below: 256))
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(Array("{}[],:\"0-eE.".utf8)[stream.index(below: 12)], at: at)
                default: bytes.replaceSubrange(at..<min(bytes.count, at + 1), with: Array("1e9".utf8))
                }
            }
            do {
                _ = try desk.plan(DispatchRequest(json: bytes))
            } catch {
                refused += 1
            }
        }
        #expect(refused > 500)
    }
}
