internal import Dispatch
internal import Foundation
internal import Synchronization

/// Ctrl-C, termination and hanging up as wishes to stop, looked at between iterations; a second one ends the process at
/// once.
final class Interrupt {
    private let flag = Flag()
    private var sources: [any DispatchSourceSignal] = []
    private final class Flag: Sendable { let value = Mutex(false) }

    init() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [flag] in
                let second = flag.value.withLock { value in
                    defer { value = true }
                    return value
                }
                if second { _exit(130) }
            }
            source.resume()
            sources.append(source)
        }
    }

    var requested: Bool { flag.value.withLock { $0 } }
    deinit { for source in sources { source.cancel() } }
}
