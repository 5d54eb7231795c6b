internal import CSCSwift
internal import Crypto
internal import Foundation

/// The pages' files, which are part of the program.
enum Pages {
    private static let files: [String: [UInt8]] = [
        "head.html": PackageResources.head_html, "worker.html": PackageResources.worker_html,
        "worker.js": PackageResources.worker_js,
        "admin.html": PackageResources.admin_html, "admin.js": PackageResources.admin_js,
        "study.html": PackageResources.study_html, "study.js": PackageResources.study_js,
        "city.html": PackageResources.city_html, "city.js": PackageResources.city_js,
        "end.html": PackageResources.end_html, "cafe.css": PackageResources.cafe_css,
        "openapi.yaml": PackageResources.openapi_yaml,
    ]

    /// A file's text; nil where there is none of this name.
    static func text(_ name: String) -> String? { files[name].map { String(decoding: $0, as: UTF8.self) } }

    /// The media type, the text and the tag of a script or style sheet.
    static func asset(_ name: String) -> (type: String, text: String, tag: String)? {
        let type: String
        if name.hasSuffix(".js") {
            type = "text/javascript; charset=utf-8"
        } else if name.hasSuffix(".css") {
            type = "text/css; charset=utf-8"
        } else {
            return nil
        }
        guard let bytes = files[name] else { return nil }
        let tag = SHA256.hash(data: Data(bytes)).prefix(12).map { String(format: "%02x", $0) }.joined()
        return (type, String(decoding: bytes, as: UTF8.self), "\"\(tag)\"")
    }

    /// A page with its places filled: `{{head}}` (what all pages' heads have, and the page's own script with the JSON that
    /// it reads), `{{base}}`, `{{title}}` and `{{text}}`. What is filled in is not looked at again. O(size).
    static func fill(_ name: String, base: String, title: String, data: JSON = .object([]), text: String = "") -> String
    {
        let stem = name.prefix { $0 != "." }
        let script =
            files[stem + ".js"] == nil
            ? ""
            : "\n<script type=\"application/json\" id=\"data\">\(embedded(data))</script>"
                + "\n<script src=\"\(escape(base))/assets/\(stem).js\" defer></script>"
        let head = name == "head.html" ? "" : fill("head.html", base: base, title: title) + script
        let values = ["head": head, "base": escape(base), "title": escape(title), "text": escape(text)]
        var out = ""
        var rest = Self.text(name)?[...] ?? ""
        while let open = rest.range(of: "{{"), let close = rest[open.upperBound...].range(of: "}}") {
            out += rest[..<open.lowerBound]
            let key = String(rest[open.upperBound..<close.lowerBound])
            out += values[key] ?? "{{\(key)}}"
            rest = rest[close.upperBound...]
        }
        return out + rest
    }

    private static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
            .replacingOccurrences(of: "'", with: "&#39;")
    }

    /// JSON without characters that end a script.
    private static func embedded(_ data: JSON) -> String {
        data.line.replacingOccurrences(of: "<", with: "\\u003c").replacingOccurrences(of: ">", with: "\\u003e")
            .replacingOccurrences(of: "&", with: "\\u0026").replacingOccurrences(of: "\u{2028}", with: "\\u2028")
            .replacingOccurrences(of: "\u{2029}", with: "\\u2029")
    }
}
