internal import Foundation

/// Where a reader of tables gets its bytes, piece by piece.
protocol ByteSource: AnyObject {
    /// The next bytes, at least one and about `count`; nil or empty at the end.
    func read(upToCount count: Int) throws -> Data?
}

extension FileHandle: ByteSource {}

/// A .gz file, unpacked while it is read.
final class GzipSource: ByteSource {
    private let path: String
    private let file: (any ByteSource)?
    private let inflater = Inflater()
    private var head: [UInt8]

    /// Unpacks `head`, which has been read already, and then the rest of `file`, if there is one.
    init(path: String, head: [UInt8], file: (any ByteSource)?) {
        self.path = path
        self.head = head
        self.file = file
    }

    func read(upToCount count: Int) throws -> Data? {
        var unpacked: [UInt8] = []
        while unpacked.isEmpty {
            var packed = head
            head = []
            if packed.isEmpty { packed = try file?.read(upToCount: max(1 << 16, count / 4)).map { [UInt8]($0) } ?? [] }
            if packed.isEmpty {
                if inflater.isInside { throw CSCError.file(path: path, reason: "the .gz file is cut off") }
                return nil
            }
            if let fault = inflater.inflate(packed, into: &unpacked) {
                throw CSCError.file(path: path, reason: "the .gz file is damaged: \(fault)")
            }
        }
        return Data(unpacked)
    }
}
