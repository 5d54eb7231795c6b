/// What a task asks of its team beyond one skill: several skills, each with a count, and a largest size.
///
/// The work is done by whoever of the team is there, one unit a minute each, as always. But the task is finished only
/// if for every role as many different members with its skill have come; with `together` nobody begins before the last
/// of them has.
public struct TeamTerms: Sendable, Hashable, Codable {
    /// So many people with a skill.
    public struct Role: Sendable, Hashable, Codable {
        /// The skill, 0 ..< 64.
        public var skill: Int
        /// How many, at least 1.
        public var count: Int

        /// A role.
        public init(skill: Int, count: Int) {
            self.skill = skill
            self.count = count
        }
    }

    /// The most people that all roles of a task may ask for.
    public static let mostSeats = 32

    /// The largest team where there is no limit.
    public static let noCap = 1_000_000_000

    /// The roles; empty: the task's skill is all it asks for.
    public var roles: [Role]
    /// Work begins when every role is there; otherwise when the first member is.
    public var together: Bool
    /// The largest team.
    public var cap: Int

    /// Terms.
    public init(roles: [Role] = [], together: Bool = false, cap: Int = TeamTerms.noCap) {
        self.roles = roles
        self.together = together
        self.cap = cap
    }

    /// The skill of each seat: as many as the roles ask for people.
    var seats: [Int] { roles.flatMap { Array(repeating: $0.skill, count: $0.count) } }

    /// Every skill that a role names.
    var skills: SkillSet { SkillSet(skills: roles.lazy.map(\.skill)) }

    /// A member of a team: when it arrives and what it can do.
    struct Member {
        var arrival: Double
        var skills: UInt64
    }

    /// Puts a member into a team in order of arrival. O(team).
    static func insert(_ member: Member, into team: inout [Member]) {
        var place = team.count
        while place > 0 && team[place - 1].arrival > member.arrival { place -= 1 }
        team.insert(member, at: place)
    }

    /// Which of the candidates, in rising order of arrival, fill the seats that the present team leaves empty: as many
    /// seats as can be filled, by those who come first. O(candidates * seats^2).
    func chosen(from candidates: some Sequence<UInt64>, beside team: [Member]) -> [Int] {
        var seats = RoleSeats(self)
        for member in team { _ = seats.add(member.skills) }
        var found: [Int] = []
        for (at, skills) in candidates.enumerated() {
            if seats.isFull { break }
            if seats.add(skills) { found.append(at) }
        }
        return found
    }

    /// When every role is there, members in rising order of arrival; infinite if one is missing. O(members * seats^2).
    func opening(_ members: [Member]) -> Double {
        if roles.isEmpty { return members.first?.arrival ?? .infinity }
        var seats = RoleSeats(self)
        for member in members where seats.add(member.skills) && seats.isFull { return member.arrival }
        return .infinity
    }

    /// When such a team finishes, members in rising order of arrival; infinite if a role is missing.
    /// O(members * seats^2).
    func finish(_ workload: Double, _ members: [Member]) -> Double {
        let opening = opening(members)
        if opening == .infinity { return .infinity }
        var at = 0
        let end = TeamClock.finish(workload) {
            if at == members.count { return .infinity }
            at += 1
            return together ? max(opening, members[at - 1].arrival) : members[at - 1].arrival
        }
        return max(end, opening)
    }

    /// The skills of which one more member would fill a seat that is empty; if none is, of every role. O(roles * seats^2).
    func wanted(_ members: [Member]) -> UInt64 {
        var seats = RoleSeats(self)
        for member in members { _ = seats.add(member.skills) }
        if seats.isFull { return skills.rawValue }
        var mask: UInt64 = 0
        for role in roles {
            var tried = seats
            if tried.add(1 << UInt64(role.skill)) { mask |= 1 << UInt64(role.skill) }
        }
        return mask
    }
}

/// Who fills which seat: members are added one by one, and each new one counts if then more seats can be filled
/// (a maximum matching by augmenting paths; so the first who come fill as many seats as can be).
struct RoleSeats {
    private let seats: [Int]
    private var holder: [Int]
    private var members: [UInt64] = []
    private(set) var filled = 0

    init(_ terms: TeamTerms) {
        seats = terms.seats
        holder = Array(repeating: -1, count: seats.count)
    }

    var isFull: Bool { filled == seats.count }
    /// The skills of the seats that nobody fills.
    var missing: [Int] { seats.indices.filter { holder[$0] < 0 }.map { seats[$0] } }

    /// Adds a member with these skills; whether one more seat is filled. O(seats^2).
    mutating func add(_ skills: UInt64) -> Bool {
        members.append(skills)
        var visited: UInt64 = 0
        let found = augment(members.count - 1, &visited)
        if found { filled += 1 }
        return found
    }

    private mutating func augment(_ member: Int, _ visited: inout UInt64) -> Bool {
        for seat in seats.indices
        where members[member] >> UInt64(seats[seat]) & 1 == 1 && visited >> UInt64(seat) & 1 == 0 {
            visited |= 1 << UInt64(seat)
            if holder[seat] < 0 || augment(holder[seat], &visited) {
                holder[seat] = member
                return true
            }
        }
        return false
    }
}
