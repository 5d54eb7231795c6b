// The bridge from spans to C. A span that is a function's parameter is borrowed until the function returns, and C keeps
// no pointer past its call, so the address of a parameter's first element is valid for the calls made inside. Only
// Core uses these.

extension Span where Element: BitwiseCopyable {
    /// The first element's address, nil where the span is empty. Use it only while `self` is a live parameter.
    var base: UnsafePointer<Element>? { withUnsafeBufferPointer { $0.baseAddress } }
}

extension MutableSpan where Element: BitwiseCopyable {
    /// The first element's address, nil where the span is empty. Use it only while `self` is a live parameter.
    var base: UnsafeMutablePointer<Element>? {
        mutating get { withUnsafeMutableBufferPointer { $0.baseAddress } }
    }
}

extension MutableSpan {
    /// The elements of a range, to be written through; `self` cannot be used before the part's last use. Traps where the
    /// range lies outside. O(1).
    @_lifetime(&self)
    mutating func part(_ range: Range<Int>) -> MutableSpan<Element> {
        #if compiler(>=6.3)
            return _mutatingExtracting(range)
        #else
            return extracting(range)
        #endif
    }
}

/// Traps with both counts in the message. `@inline(__always)`, so that the text is made only where it fails.
@inline(__always)
func requireCount(_ found: Int, _ expected: Int, _ name: @autoclosure () -> String) {
    precondition(found == expected, "\(name()) has \(found) elements, \(expected) expected")
}
