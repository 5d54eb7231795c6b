internal import CSCSwift
internal import Foundation

/// A study and a city to try, with a made-up day that goes on while the server runs.
struct Demo: Sendable {
    let service: CafeService
    let base: String

    /// Makes both where they are absent, says their links, and plays the city.
    func start(_ say: @escaping @Sendable (String) -> Void) async {
        do {
            let token = try await service.queue.perform { context in
                try service.tokens.issue(.admin, context, at: service.clock.now)
            }
            try await makeStudy()
            say("study link: \(base)/s/demo")
            try await makeCity()
            say("city link: \(base)/cities/demo?t=\(token)")
            say("admin link: \(base)/admin?t=\(token)")
            Task { await play() }
        } catch { service.logger.error("the demo cannot be made: \(Problem(any: error).detail)") }
    }

    private func makeStudy() async throws {
        var draft = StudyDraft()
        draft.id = "demo"
        draft.name = "Is this review positive?"
        draft.classes = ["positive", "negative", "neither"]
        draft.budget = 60
        draft.isOpen = true
        draft.instructions = """
            Read the sentence and choose what it says of the thing that it speaks of.

            - **positive**: the writer is content
            - **negative**: the writer is not
            - **neither**: one cannot tell
            """
        draft.tasks = Self.sentences.enumerated().map { number, sentence in
            var task = TaskEntry()
            task.id = "review-\(number + 1)"
            task.text = sentence
            return task
        }
        let wanted = draft
        do { _ = try await service.queue.perform { try service.studies.create(wanted, $0) } } catch let problem
            as Problem
        {
            if problem.code != "id-taken" { throw problem }
        }
    }

    private static let sentences = [
        "The lamp arrived a day early and looks better than in the pictures.",
        "After two washes the shirt had lost its colour.",
        "It is a kettle. It boils water.", "I have bought three more for my family.",
        "The handle broke off while I was carrying soup.", "Delivery took the eight days that were announced.",
        "Quiet, light, and the battery lasts the whole week.", "Nobody answers the telephone of the support.",
        "The manual comes in six languages.", "For this price I had expected glass, not plastic.",
        "My grandmother set it up without any help.", "The box contains four screws and a key.",
        "It smells of paint even after a month of airing.", "The best pen that I have ever written with.",
        "The blue is a little darker than on the screen.", "It works, when it works.",
        "They replaced it at once and without any question.", "I returned it the same afternoon.",
        "The seat is 45 cm high.", "Worth every cent.", "The zip got stuck on the first day.",
        "It does what it says, no more and no less.", "Even the dog likes it.", "The sound is thin and tinny.",
    ]

    private func makeCity() async throws {
        var cursor = try JSONCursor(Array(#"{"id": "demo", "step_seconds": 60}"#.utf8))
        let draft = try CityDraft(&cursor)
        do { try await service.cities.create(draft) } catch let problem as Problem {
            if problem.code != "id-taken" { throw problem }
        }
    }

    /// One minute of the city's time a second: twelve workers, a task every two minutes or so.
    private func play() async {
        guard let city = try? await service.cities.city("demo") else { return }
        var random = SystemRandomNumberGenerator()
        let before = await city.now
        var minute = before.city.now.map { $0.value + 1 } ?? 480
        let skills = ["plumber", "electrician"]
        var number = Int(minute)
        if before.city.workers.isEmpty {
            let workers = (1...12).map { worker in
                #"{"type":"worker","id":"worker \#(worker)","xy":[\#(Double.random(in: 0...10, using: &random)),"#
                    + #"\#(Double.random(in: 0...10, using: &random))],"skills":["\#(skills[worker % 2])"],"time":\#(minute)}"#
            }
            await send(workers, to: city)
        }
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            minute += 1
            var events = [#"{"type":"clock","time":\#(minute)}"#]
            if Double.random(in: 0...1, using: &random) < 0.45 {
                number += 1
                let skill = skills[Int.random(in: 0...1, using: &random)]
                events.append(
                    #"{"type":"task","id":"task \#(number)","xy":[\#(Double.random(in: 0...10, using: &random)),"#
                        + #"\#(Double.random(in: 0...10, using: &random))],"skill":"\#(skill)","workload_min":"#
                        + #"\#(Int.random(in: 10...60, using: &random)),"pay":\#(Int.random(in: 10...60, using: &random)),"#
                        + #""deadline":\#(minute + 120),"time":\#(minute)}"#)
            }
            await send(events, to: city)
        }
    }

    private func send(_ lines: [String], to city: City) async {
        do {
            var events: [CityEvent] = []
            for line in lines {
                var cursor = try JSONCursor(Array(line.utf8))
                events.append(try CityEvent(&cursor))
            }
            _ = try await city.take(events, texts: lines)
        } catch { service.logger.error("the demo's city: \(Problem(any: error).detail)") }
    }
}
