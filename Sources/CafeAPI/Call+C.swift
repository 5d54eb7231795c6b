import CSCSwift

/// See cafe_api.h: one JSON document in, one out.
@_cdecl("cafe_api_call")
public func cafeAPICall(
    _ verb: UnsafePointer<CChar>?, _ json: UnsafePointer<CChar>?
) -> UnsafeMutablePointer<CChar>? {
    guarded { copied(try Verbs.answer(text(verb), text(json))) }
}
