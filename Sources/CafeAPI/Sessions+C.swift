import CSCSwift

/// The live label sessions of cafe_api.h.

/// See cafe_api.h.
@_cdecl("cafe_session_open")
public func cafeSessionOpen(_ folder: UnsafePointer<CChar>?) -> UnsafeMutableRawPointer? {
    guarded { handle(owning: try LabelSession(opening: text(folder))) }
}

/// See cafe_api.h.
@_cdecl("cafe_session_close")
public func cafeSessionClose(_ session: UnsafeMutableRawPointer?) { release(session, as: LabelSession.self) }

/// See cafe_api.h.
@_cdecl("cafe_session_call")
public func cafeSessionCall(
    _ session: UnsafeMutableRawPointer?, _ verb: UnsafePointer<CChar>?, _ json: UnsafePointer<CChar>?
) -> UnsafeMutablePointer<CChar>? {
    guarded { copied(try SessionVerbs.answer(object(session, as: LabelSession.self), text(verb), text(json))) }
}
