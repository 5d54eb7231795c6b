import CSCSwift
import Testing

@Suite struct SpatialIndexTests {
    /// Grid, scan and a sort of everything agree: indices, order and distances.
    @Test(arguments: [0, 1, 2, 3, 37, 400, 1009]) func gridAndScanAgree(count: Int) {
        var stream = RandomStream(seed: 1, purpose: .test, index: UInt64(count))
        let grid = SpatialIndex(capacity: 1)
        let scan = SpatialIndex(capacity: 1)
        var points: [(x: Double, y: Double, skills: UInt64, latest: Double)] = []
        for index in 0..<count {
            // Some points share a place; the city is longer than wide.
            let isDuplicate = index % 7 == 6
            let x = isDuplicate ? points[index - 1].x : stream.uniform(-3, 30)
            let y = isDuplicate ? points[index - 1].y : stream.uniform(2, 9)
            points.append((x, y, 1 << UInt64(stream.index(below: 4)), stream.uniform(0, 40)))
            grid.append(x: x, y: y, skills: points[index].skills, latest: points[index].latest)
            scan.append(x: x, y: y, skills: points[index].skills, latest: points[index].latest)
        }
        grid.build(scanLimit: -1)
        scan.build(scanLimit: .max)
        if count > 2 {
            points[1].latest = -.infinity
            grid.setLatest(1, -.infinity)
            scan.setLatest(1, -.infinity)
        }
        var found = [[Int32]](repeating: [Int32](repeating: -1, count: 12), count: 2)
        var far = [[Double]](repeating: [Double](repeating: -1, count: 12), count: 2)
        for ask in 0..<200 {
            // Some who ask stand outside the grid.
            let x = stream.uniform(-20, 45)
            let y = stream.uniform(-20, 30)
            let set = UInt64(1 + stream.index(below: 15))
            let reach = ask % 3 == 0 ? 1000 : stream.uniform(0, 15)
            let k = 1 + stream.index(below: 10)
            let now = 5.0
            let speed = 0.5
            let counts = [grid, scan].enumerated().map { at, index in
                index.nearest(
                    k, x: x, y: y, skills: set, reach: reach, speed: speed, now: now, found: &found[at],
                    distances: &far[at], offset: 1)
            }
            let expected = points.indices.map { ($0, abs(points[$0].x - x) + abs(points[$0].y - y)) }.filter {
                points[$0.0].skills & set != 0 && $0.1 <= reach && now + $0.1 / speed < points[$0.0].latest
            }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(k)
            #expect(counts[0] == expected.count && counts[1] == expected.count)
            for at in 0..<2 {
                #expect(found[at][1..<(1 + expected.count)].map(Int.init) == expected.map(\.0))
                #expect(far[at][1..<(1 + expected.count)].elementsEqual(expected.map(\.1)))
            }
            let inside = points.count {
                $0.skills & set != 0 && abs($0.x - x) + abs($0.y - y) <= 6 && $0.latest > now
            }
            #expect(grid.count(x: x, y: y, radius: 6, skills: set, now: now) == inside)
            #expect(scan.count(x: x, y: y, radius: 6, skills: set, now: now) == inside)
        }
    }
}
