import CSCSwift
import Foundation

/// What every function of the C ABI needs: errors as sentences of the calling thread, strings that the caller frees,
/// handles. `include/cafe_api.h` is the reference.

/// The interface's version: `CAFE_API_VERSION` of cafe_api.h.
let apiVersion: Int32 = 100

/// A C string that lives as long as its thread or until the thread's next error.
private final class LastError: @unchecked Sendable {  // nothing changes after init
    let text: UnsafeMutablePointer<CChar>
    init(_ sentence: String) { text = strdup(sentence) }
    deinit { free(text) }
}

private let errorKey = "cafe.api.error"
private let noError = LastError("")

/// Keeps a sentence for `cafe_api_error` of this thread.
func keep(error sentence: String) { Thread.current.threadDictionary[errorKey] = LastError(sentence) }

/// What `body` gives, or nil with its error kept for the calling thread.
func guarded<Value>(_ body: () throws -> Value) -> Value? {
    do {
        let value = try body()
        Thread.current.threadDictionary.removeObject(forKey: errorKey)
        return value
    } catch {
        keep(error: "\(error)")
        return nil
    }
}

/// 1 where `body` ran to its end, 0 with its error kept.
func succeeded(_ body: () throws -> Void) -> Int32 { guarded(body) == nil ? 0 : 1 }

/// A misuse of the interface by the calling program.
struct Misuse: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The object behind a handle; throws where the handle is NULL.
func object<Object: AnyObject>(_ handle: UnsafeMutableRawPointer?, as type: Object.Type) throws -> Object {
    guard let handle else { throw Misuse("the handle is NULL") }
    return Unmanaged<Object>.fromOpaque(handle).takeUnretainedValue()
}

/// A handle that owns `object`.
func handle(owning object: AnyObject) -> UnsafeMutableRawPointer { Unmanaged.passRetained(object).toOpaque() }

/// Gives up the object behind a handle; NULL is allowed.
func release(_ handle: UnsafeMutableRawPointer?, as type: (some AnyObject).Type) {
    if let handle { Unmanaged<AnyObject>.fromOpaque(handle).release() }
}

/// The text of a C string; throws where it is NULL or no UTF-8.
func text(_ string: UnsafePointer<CChar>?) throws -> String {
    guard let string else { throw Misuse("a string is NULL") }
    guard let text = String(validatingCString: string) else { throw Misuse("a string is not UTF-8") }
    return text
}

/// `pointer`, or an error that names it.
func required<Pointer>(_ pointer: Pointer?, _ name: String) throws -> Pointer {
    guard let pointer else { throw Misuse("\(name) is NULL") }
    return pointer
}

/// Values decoded from a JSON document; throws with the path of the value that does not fit.
func decoded<Value: Decodable>(_ json: UnsafePointer<CChar>?, as type: Value.Type) throws -> Value {
    do {
        return try JSONDecoder().decode(Value.self, from: Data(text(json).utf8))
    } catch let error as DecodingError {
        throw Misuse(error.sentence)
    }
}

/// A document that the caller frees with `cafe_api_free`.
func encoded(_ value: some Encodable) throws -> UnsafeMutablePointer<CChar> {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return copied(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// A string that the caller frees with `cafe_api_free`.
func copied(_ text: String) -> UnsafeMutablePointer<CChar> { strdup(text) }

extension DecodingError {
    /// What does not fit, and where, as one line.
    var sentence: String {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return "\(path(context.codingPath)): \(context.debugDescription)"
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])): is missing"
        @unknown default:
            return "\(self)"
        }
    }

    private func path(_ keys: [any CodingKey]) -> String {
        let path = keys.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return path.isEmpty ? "the document" : String(path.drop(while: { $0 == "." }))
    }
}

/// The interface's version.
@_cdecl("cafe_api_version")
public func cafeAPIVersion() -> Int32 { apiVersion }

/// The calling thread's last error.
@_cdecl("cafe_api_error")
public func cafeAPIError() -> UnsafePointer<CChar> {
    let last = Thread.current.threadDictionary[errorKey] as? LastError ?? noError
    return UnsafePointer(last.text)
}

/// Frees a string that the library returned.
@_cdecl("cafe_api_free")
public func cafeAPIFree(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

/// Sets the number of threads that kernels use.
@_cdecl("cafe_api_threads")
public func cafeAPIThreads(_ count: Int32) { Threads.count = Int(max(0, min(count, 1024))) }
