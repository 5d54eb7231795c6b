import CSCSwift
import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A small service of our own that answers OSRM's `table` request: seconds = 60 * the difference of longitudes in
/// hundredths of a degree, plus 1 s for each place of the destination's number.
private final class TableService: @unchecked Sendable {
    let port: Int
    private let listener: Int32
    /// What to answer instead of a table, by call.
    var faults: [String] = []
    private(set) var requests: [String] = []
    private let lock = NSLock()

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        try #require(bound)
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                answer(client)
                close(client)
            }
        }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func answer(_ client: Int32) {
        var text = ""
        var piece = [UInt8](repeating: 0, count: 65_536)
        while !text.contains("\r\n\r\n") {
            let count = recv(client, &piece, piece.count, 0)
            if count <= 0 { return }
            text += String(decoding: piece[..<count], as: UTF8.self)
        }
        let path = String(text.split(separator: " ")[1])
        let fault = lock.withLock { () -> String? in
            requests.append(path)
            return faults.isEmpty ? nil : faults.removeFirst()
        }
        let reply = Array((fault ?? table(path)).utf8)
        _ = send(client, reply, reply.count, Int32(MSG_NOSIGNAL))
    }

    private func table(_ path: String) -> String {
        let parts = path.split(separator: "?")
        let places = parts[0].split(separator: "/").last!.split(separator: ";").map {
            Double($0.split(separator: ",")[0])!
        }
        func list(_ name: String) -> [Int] {
            let field = parts[1].split(separator: "&").first { $0.hasPrefix(name + "=") }
            return field.map { $0.dropFirst(name.count + 1).split(separator: ";").map { Int($0)! } }
                ?? Array(places.indices)
        }
        let rows = list("sources").map { from in
            "[" + list("destinations").map { "\(abs(places[from] - places[$0]) * 6000)" }.joined(separator: ",") + "]"
        }
        let body = "{\"code\":\"Ok\",\"durations\":[\(rows.joined(separator: ","))],\"sources\":[{\"hint\":\"x\"}]}"
        // In two chunks, as many servers do.
        let (head, tail) = (body.prefix(20), body.dropFirst(20))
        func chunk(_ text: some StringProtocol) -> String {
            String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n"
        }
        return
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\(chunk(head))\(chunk(tail))0\r\n\r\n"
    }
}

@Suite("Travel times of a service", .serialized)
struct TravelServiceTests {
    static func request(_ service: String, workers: Int = 2) -> DispatchRequest {
        var request = DispatchRequest(now: .minutes(0), workers: [], tasks: [])
        request.policy = "coalition"
        for number in 0..<workers {
            var worker = DispatchRequest.Worker(id: "w\(number)")
            worker.location = [104 + Double(number) * 0.01, 30]
            request.workers.append(worker)
        }
        var task = DispatchRequest.Task(id: "t", workload: 30)
        task.location = [104.035, 30]
        (task.deadline, task.maxTeam) = (.minutes(200), 1)
        request.tasks = [task]
        var travel = DispatchRequest.Travel()
        travel.osrm = service
        request.travel = travel
        return request
    }

    @Test("who is nearest by the service's minutes goes, and known pairs are not asked for again")
    func table() throws {
        let service = try TableService()
        defer { service.stop() }
        let desk = DispatchDesk()
        let request = Self.request("http://127.0.0.1:\(service.port)/")
        let plan = try desk.plan(request)
        #expect(plan.assignments.map(\.worker) == ["w1"])
        #expect(abs((plan.assignments.first?.arrival?.value ?? 0) - 2.5) < 1e-6)
        #expect(
            service.requests.count == 1
                && service.requests[0].hasPrefix("/table/v1/driving/104.0,30.0;104.01,30.0;104.035,30.0?"))
        #expect(try desk.plan(request) == plan)
        #expect(service.requests.count == 1)
    }

    @Test("many places are asked for in blocks")
    func blocks() throws {
        let service = try TableService()
        defer { service.stop() }
        let plan = try DispatchDesk().plan(Self.request("http://127.0.0.1:\(service.port)", workers: 70))
        #expect(service.requests.count == 4)
        #expect(plan.assignments.map(\.worker) == ["w3"] || plan.assignments.map(\.worker) == ["w4"])
    }

    @Test("what a service does wrong is said, with code 3")
    func faults() throws {
        let service = try TableService()
        let ok = "HTTP/1.1 200 OK\r\n\r\n"
        for (fault, wanted) in [
            ("HTTP/1.1 404 Not Found\r\n\r\nno such profile", "answers 404: no such profile"),
            ("nonsense", "does not answer in HTTP"),
            ("", "does not answer in HTTP"), (ok + "{\"code\":\"NoTable\"}", "code is 'NoTable'"),
            (ok + "{\"code\":\"Ok\",\"durations\":[[0]]}", "answers 1 rows of 1; 3 of 3"),
            (ok + "{\"code\":\"Ok\",\"durations\":[[0,1,", "ends too early"),
            (ok + "{\"code\":\"Ok\",\"durations\":[[0,-1,2],[0,0,0],[0,0,0]]}", "no duration"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{}", "too early"),
        ] {
            service.faults = [fault]
            #expect { try DispatchDesk().plan(Self.request("http://127.0.0.1:\(service.port)")) } throws: { error in
                let fault = error as? DispatchFault
                return fault?.code == 3 && fault?.path == "travel.osrm" && fault?.reason.contains(wanted) ?? false
            }
        }
        let port = service.port
        service.stop()
        for address in [
            "http://127.0.0.1:\(port)", "https://127.0.0.1:1", "http://:5", "http://127.0.0.1:99999", "nonsense",
        ] {
            #expect(throws: DispatchFault.self) { try DispatchDesk().plan(Self.request(address)) }
        }
    }
}
