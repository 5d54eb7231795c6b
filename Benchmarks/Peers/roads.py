"""Dispatch by straight lines and by roads: what changes in the ranking of the policies.

    python3 roads.py PATH/TO/cafe-cli [--extract FILE.osm.pbf] [--episodes 60] [--sizes 200/50,200/100] [--moment]

The roads are OpenStreetMap's of Liechtenstein, 2013, as Debian's source package osm2pgsql holds them for its tests; the
engine is Valhalla, from the wheel of pyvalhalla. Nothing is fetched from elsewhere, and nothing at all where --work holds
it already. Zones are places on roads, about 700 m apart, in a square of 10 km around Vaduz: a valley, a slope with hairpin
bends, the Rhine as border. Three tables of minutes between the same zones are played: by road, by the straight line and
by Manhattan distance, both at the one speed at which their mean is that of the roads. So nothing differs but which places
are near.

--moment asks `cafe-cli dispatch` instead, with the engine behind a server of OSRM's `table` request.
"""

import argparse
import http.server
import json
import math
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

WHEEL = "pyvalhalla==3.9.1"
# South-west corner (latitude, longitude) and side (km) of the square.
CORNER, SIDE = (47.09, 9.48), 10.0
KM = 111.195


def run(command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


def fetch_engine(work):
    """The programs of the wheel, whatever the Python: they are files in it."""
    home = work / "engine"
    if not home.exists():
        run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
             "--python-version", "312", "--dest", work / "wheels", WHEEL])
        run([sys.executable, "-m", "zipfile", "-e", next((work / "wheels").glob("pyvalhalla-*.whl")), home])
        for program in (home / "valhalla" / "bin").iterdir():
            program.chmod(0o755)
    return home / "valhalla"


def fetch_extract(work):
    """The extract in a Debian source package; the machine's own list of sources is left alone."""
    found = list(work.glob("*.osm.pbf"))
    if found:
        return found[0]
    for folder in ("apt/parts", "apt/lists/partial", "apt/cache/archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for file in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
        text = file.read_text()
        if "debian" in text:
            (work / "apt/parts" / file.name).write_text(text.replace("Types: deb\n", "Types: deb-src\n"))
    (work / "apt/conf").write_text(
        f'Dir::Etc::sourcelist "/dev/null";\nDir::Etc::sourceparts "{work}/apt/parts/";\n'
        f'Dir::State::lists "{work}/apt/lists";\nDir::Cache "{work}/apt/cache";\n')
    run(["apt-get", "-c", work / "apt/conf", "update"])
    run(["apt-get", "-c", work / "apt/conf", "source", "--download-only", "osm2pgsql"], cwd=work)
    archive = next(work.glob("osm2pgsql_*.orig.tar.*"))
    name = next(n for n in run(["tar", "tf", archive]).split() if n.endswith("liechtenstein-2013-08-03.osm.pbf"))
    run(["tar", "xf", archive, "--strip-components", str(name.count("/")), name], cwd=work)
    return work / "liechtenstein-2013-08-03.osm.pbf"


class Engine:
    def __init__(self, work, extract):
        self.home = fetch_engine(work)
        self.config = work / "valhalla.json"
        tiles = work / "tiles"
        if not tiles.exists():
            tiles.mkdir()
            self.config.write_text(run([
                sys.executable, self.home / "valhalla_build_config.py", "--mjolnir-tile-dir", tiles,
                "--service-limits-auto-max-matrix-location-pairs", "1000000"]))
            run([self.home / "bin/valhalla_build_tiles", "-c", self.config, "-j", "1", extract])

    def ask(self, action, question):
        return json.loads(run([self.home / "bin/valhalla_service", self.config, action, json.dumps(question)]))

    def snap(self, places):
        """Each (latitude, longitude) as the nearest place on a road, or None where that is farther than 400 m."""
        found = []
        answers = self.ask("locate", {"locations": [{"lat": a, "lon": o} for a, o in places], "costing": "auto"})
        for place, answer in zip(places, answers):
            near = [(e["correlated_lat"], e["correlated_lon"]) for e in (answer or {}).get("edges") or []]
            best = min(near, key=lambda p: math.dist(kilometres(p), kilometres(place)), default=None)
            found.append(best if best and math.dist(kilometres(best), kilometres(place)) <= 0.4 else None)
        return found

    def minutes(self, sources, targets):
        """The table of minutes by car; None where there is no way."""
        def points(places):
            return [{"lat": a, "lon": o} for a, o in places]
        answer = self.ask("sources_to_targets", {
            "sources": points(sources), "targets": points(targets), "costing": "auto", "verbose": True})
        return [[None if cell["time"] is None else cell["time"] / 60 for cell in row]
                for row in answer["sources_to_targets"]]


def kilometres(place):
    return ((place[1] - CORNER[1]) * KM * math.cos(math.radians(CORNER[0])), (place[0] - CORNER[0]) * KM)


def zones(engine):
    """Places on roads in the square, of which each can be reached from each, on average in at most twice the median of
    all: tracks into the mountains are left out."""
    step = 0.7
    count = int(SIDE / step)
    grid = [(CORNER[0] + (row + 0.5) * step / KM,
             CORNER[1] + (column + 0.5) * step / KM / math.cos(math.radians(CORNER[0])))
            for row in range(count) for column in range(count)]
    places = sorted({(round(a, 6), round(o, 6)) for a, o in filter(None, engine.snap(grid))})
    table = engine.minutes(places, places)
    while True:
        count = len(places)
        means = [sum(1e4 if cell is None else cell for cell in row) / count for row in table]
        means = [max(mean, sum(1e4 if row[at] is None else row[at] for row in table) / count)
                 for at, mean in enumerate(means)]
        worst = max(range(count), key=means.__getitem__)
        if means[worst] <= 2 * sorted(means)[count // 2]:
            return places, table
        places.pop(worst)
        table.pop(worst)
        for row in table:
            row.pop(worst)


def write_tables(engine, work):
    places, roads = zones(engine)
    xy = [kilometres(place) for place in places]
    count = len(xy)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    mean = sum(roads[i][j] for i, j in pairs) / len(pairs)

    def by(distance):
        scale = mean / (sum(distance(xy[i], xy[j]) for i, j in pairs) / len(pairs))
        return [[scale * distance(a, b) for b in xy] for a in xy], 60 / scale

    line, line_speed = by(math.dist)
    grid, grid_speed = by(lambda a, b: abs(a[0] - b[0]) + abs(a[1] - b[1]))
    ratios = sorted(roads[i][j] / line[i][j] for i, j in pairs if line[i][j] > 0)
    asymmetry = sum(abs(roads[i][j] - roads[j][i]) for i, j in pairs) / len(pairs)
    print(f"{count} zones; mean {mean:.2f} min; straight lines at {line_speed:.1f} km/h, Manhattan at {grid_speed:.1f} km/h; "
          f"road / line: 5 % below {ratios[len(ratios) // 20]:.2f}, median {ratios[len(ratios) // 2]:.2f}, "
          f"5 % above {ratios[-len(ratios) // 20]:.2f}; there and back differ by {asymmetry:.2f} min")
    files = {}
    for name, table in (("roads", roads), ("line", line), ("manhattan", grid)):
        files[name] = work / f"{name}.json"
        files[name].write_text(json.dumps({"zones": xy, "durations_min": table}))
    return places, files


def write_city(places, work):
    """A scenario whose tasks gather where roads do: five hot spots at zones that are far from each other."""
    xy = [kilometres(place) for place in places]
    spots = [min(xy, key=lambda p: math.dist(p, (SIDE / 2, SIDE / 2)))]
    while len(spots) < 5:
        spots.append(max(xy, key=lambda p: min(math.dist(p, q) for q in spots)))
    text = "base: chengdu\nname: vaduz\nside: 10\nuniformShare: 0.2\nhotSpots:\n" + "".join(
        f"- x: {x:.3f}\n  y: {y:.3f}\n  spread: 1.2\n  taskWeight: 0.2\n  workerWeight: 0.2\n" for x, y in spots)
    path = work / "vaduz.yaml"
    path.write_text(text)
    return path


def evaluate(cli, city, files, options):
    for size in options.sizes.split(","):
        tasks, workers = size.split("/")
        for name, file in files.items():
            print(f"\n{size}, {name}", flush=True)
            print(run([cli, "evaluate", "--scenario", city, "--travel", file, "--tasks", tasks, "--workers", workers,
                       "--episodes", options.episodes, "--seed", options.seed, "--threads", "1",
                       "--policy", options.policies]), flush=True)


def serve(engine):
    """OSRM's `table` request (GET /table/v1/PROFILE/LON,LAT;...?sources=...&destinations=...) answered by the engine."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            address = urllib.parse.urlsplit(self.path)
            given = urllib.parse.parse_qs(address.query, separator="&")
            places = [(float(lat), float(lon)) for lon, lat in
                      (pair.split(",") for pair in urllib.parse.unquote(address.path).rsplit("/", 1)[1].split(";"))]

            def chosen(key):
                return [places[int(n)] for n in given[key][0].split(";")] if key in given else places
            table = engine.minutes(chosen("sources"), chosen("destinations"))
            body = json.dumps({"code": "Ok", "durations": [
                [None if cell is None else cell * 60 for cell in row] for row in table]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def moment(cli, engine, places):
    server = serve(engine)
    step = max(1, len(places) // 24)
    some = places[::step]
    half = len(some) // 2
    request = {
        "now": 0, "policy": "coalition",
        "workers": [{"id": f"w{n}", "location": [o, a], "speed_kmh": 40} for n, (a, o) in enumerate(some[:half])],
        "tasks": [{"id": f"t{n}", "location": [o, a], "workload_min": 10, "deadline": 40, "pay": 10}
                  for n, (a, o) in enumerate(some[half:])]}
    for name, travel in (("line", {"metric": "euclidean"}),
                         ("roads", {"osrm": f"http://127.0.0.1:{server.server_address[1]}", "profile": "driving"})):
        plan = json.loads(run([cli, "dispatch"], input=json.dumps({**request, "travel": travel})))
        sent = {entry["task"]: (entry["worker"], round(entry["arrival"], 1)) for entry in plan["assignments"]}
        print(name, sent)
    server.shutdown()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cli")
    parser.add_argument("--extract", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("roads"))
    parser.add_argument("--episodes", default="60")
    parser.add_argument("--seed", default="7")
    parser.add_argument("--sizes", default="200/50,200/100")
    parser.add_argument("--policies", default="coalition,greedy,nearest,marginal,cafe")
    parser.add_argument("--moment", action="store_true")
    options = parser.parse_args()
    cli = os.path.abspath(options.cli)
    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    engine = Engine(work, options.extract or fetch_extract(work))
    places, files = write_tables(engine, work)
    if options.moment:
        moment(cli, engine, places)
    else:
        evaluate(cli, write_city(places, work), files, options)


if __name__ == "__main__":
    main()
