/// The page of `ReplayPage`, without its data.
enum ReplayTemplate {
    static let html = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title><!--TITLE--></title>
        <style>
        :root { color-scheme: light dark; --bg: #f6f7f9; --panel: #ffffff; --ink: #1d2430; --soft: #5d6878; --line: #d9dee6; --grid: #edf0f4;
          --idle: #7b8794; --go: #0072b2; --work: #009e73; --open: #e69f00; --late: #d55e00; --done: #009e73; --lost: #b3122d; --accent: #0072b2; --shift: #e4e9f0; }
        @media (prefers-color-scheme: dark) { :root { --bg: #12161c; --panel: #1a2029; --ink: #e6ebf2; --soft: #97a3b4; --line: #2d3642; --grid: #222a35;
          --idle: #8b97a7; --go: #56b4e9; --work: #2fc79a; --open: #f0b73c; --late: #f0803c; --done: #2fc79a; --lost: #ff6178; --accent: #56b4e9; --shift: #26303c; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--bg); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        header { padding: 14px 20px 6px; } h1 { font-size: 18px; margin: 0 0 2px; font-weight: 650; } header p { margin: 0; color: var(--soft); }
        #bar { position: sticky; top: 0; z-index: 2; display: flex; gap: 12px; align-items: center; flex-wrap: wrap; padding: 10px 20px; background: var(--bg); border-bottom: 1px solid var(--line); }
        button, select { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 5px 12px; cursor: pointer; }
        button#play { min-width: 76px; background: var(--accent); color: #fff; border-color: transparent; font-weight: 600; }
        input[type=range] { flex: 1 1 260px; accent-color: var(--accent); }
        #time { font-variant-numeric: tabular-nums; font-weight: 650; min-width: 84px; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 8px 20px 0; color: var(--soft); font-size: 12.5px; }
        .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 5px; vertical-align: -1px; } .legend i.box { border-radius: 2px; }
        #runs { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 16px; padding: 12px 20px 20px; }
        .run { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; min-width: 0; }
        .run h2 { font-size: 15px; margin: 0 0 8px; display: flex; justify-content: space-between; gap: 8px; }
        .run h2 span { font-variant-numeric: tabular-nums; }
        .figures { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--soft); font-size: 12.5px; margin-bottom: 8px; font-variant-numeric: tabular-nums; } .figures b { color: var(--ink); }
        canvas { display: block; width: 100%; } .map { aspect-ratio: 1; } .curve { height: 92px; margin-top: 8px; }
        h3 { font-size: 12.5px; margin: 12px 0 4px; color: var(--soft); font-weight: 600; } .lanes { max-height: 300px; overflow-y: auto; border-top: 1px solid var(--line); }
        #tip { position: fixed; pointer-events: none; z-index: 5; background: var(--ink); color: var(--bg); padding: 5px 9px; border-radius: 6px; font-size: 12.5px; display: none; max-width: 320px; white-space: pre-line; }
        </style>
        </head>
        <body>
        <header><h1 id="title"></h1><p id="sub"></p></header>
        <div id="bar"><button id="play">Play</button><span id="time"></span><input id="at" type="range" min="0" max="1" step="0.05" value="0" aria-label="time">
        <label>speed <select id="speed"><option value="1">1 min/s</option><option value="3">3 min/s</option><option value="8" selected>8 min/s</option><option value="20">20 min/s</option><option value="60">60 min/s</option></select></label></div>
        <div class="legend">
        <span><i style="background:var(--idle)"></i>worker idle</span><span><i style="background:var(--go)"></i>on the way</span><span><i style="background:var(--work)"></i>at work</span>
        <span><i class="box" style="background:var(--open)"></i>task open</span><span><i class="box" style="background:var(--late)"></i>past its full-pay time</span><span><i class="box" style="background:var(--done)"></i>finished and paid</span><span><i class="box" style="background:var(--lost)"></i>ended unpaid</span></div>
        <div id="runs"></div><div id="tip"></div>
        <script>
        "use strict";
        const D = /*DATA*/null;
        const $ = id => document.getElementById(id);
        const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        let C = {};
        function colours() { for (const n of ["bg","panel","ink","soft","line","grid","idle","go","work","open","late","done","lost","accent","shift"]) C[n] = css("--" + n); }
        const wname = i => D.workerNames[i] ?? "worker " + i, tname = i => D.taskNames[i] ?? "task " + i;
        const clockText = t => { if (D.clock === null) return t.toFixed(1) + " min"; const m = ((D.clock + t) % 1440 + 1440) % 1440; return String(Math.floor(m / 60)).padStart(2, "0") + ":" + String(Math.floor(m % 60)).padStart(2, "0"); };
        const axisText = t => D.clock === null ? t.toFixed(0) + " min" : clockText(t);
        const money = v => Math.abs(v) >= 100 ? v.toFixed(1) : Math.abs(v) >= 1 ? v.toFixed(2) : v.toFixed(3);
        let start = Infinity, end = 0, box = [Infinity, Infinity, -Infinity, -Infinity];
        for (const t of D.tasks) { start = Math.min(start, t[2]); for (const p of [t]) { box[0] = Math.min(box[0], p[0]); box[1] = Math.min(box[1], p[1]); box[2] = Math.max(box[2], p[0]); box[3] = Math.max(box[3], p[1]); } }
        for (const w of D.workers) { box[0] = Math.min(box[0], w[0]); box[1] = Math.min(box[1], w[1]); box[2] = Math.max(box[2], w[0]); box[3] = Math.max(box[3], w[1]); }
        for (const r of D.runs) { for (const e of r.ends) end = Math.max(end, e[1]); for (const t of r.trips) { start = Math.min(start, t[2]); if (t[3] !== null) end = Math.max(end, Math.min(t[3], t[4] ?? t[3])); } }
        if (!isFinite(start)) start = 0; start = Math.floor(start); end = Math.max(Math.ceil(end), start + 1);
        if (!isFinite(box[0])) box = [0, 0, 1, 1];
        const span = Math.max(box[2] - box[0], box[3] - box[1], 0.1), pad = span * 0.06, mid = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], half = span / 2 + pad;
        let now = start;
        const runs = D.runs.map((r, k) => {
          const byWorker = D.workers.map(() => []), byTask = D.tasks.map(() => []), fin = D.tasks.map(() => null);
          for (const t of r.trips) { byWorker[t[0]].push(t); byTask[t[1]].push(t); }
          for (const e of r.ends) fin[e[0]] = e;
          const el = document.createElement("section"); el.className = "run";
          el.innerHTML = '<h2><b></b><span></span></h2><div class="figures"></div><canvas class="map"></canvas><canvas class="curve"></canvas><h3>Workers</h3><div class="lanes"><canvas></canvas></div><h3>Tasks</h3><div class="lanes"><canvas></canvas></div>';
          el.querySelector("h2 b").textContent = r.name; $("runs").append(el);
          const lanes = el.querySelectorAll(".lanes canvas");
          return { r, k, byWorker, byTask, fin, el, money: el.querySelector("h2 span"), fig: el.querySelector(".figures"), map: el.querySelector(".map"), curve: el.querySelector(".curve"), wl: lanes[0], tl: lanes[1], still: {} };
        });
        function pen(canvas, h) {
          const w = canvas.clientWidth || 400, scale = window.devicePixelRatio || 1; h = h ?? (canvas.clientHeight || w);
          if (canvas.width !== Math.round(w * scale) || canvas.height !== Math.round(h * scale)) { canvas.width = Math.round(w * scale); canvas.height = Math.round(h * scale); canvas.style.height = h + "px"; }
          const g = canvas.getContext("2d"); g.setTransform(scale, 0, 0, scale, 0, 0); g.clearRect(0, 0, w, h); return [g, w, h];
        }
        function last(trips, t) { let lo = 0, hi = trips.length; while (lo < hi) { const m = (lo + hi) >> 1; if (trips[m][2] <= t) lo = m + 1; else hi = m; } return lo ? trips[lo - 1] : null; }
        function place(run, w, t) {
          const trip = last(run.byWorker[w], t), me = D.workers[w];
          if (!trip) return { x: me[0], y: me[1], s: t >= me[2] && t < me[3] ? "idle" : "off" };
          const over = trip[4] ?? Infinity;
          if (t >= over) return { x: trip[7], y: trip[8], s: t < me[3] ? "idle" : "off" };
          const target = D.tasks[trip[1]];
          if (trip[3] === null || t >= trip[3]) return { x: target[0], y: target[1], s: "work", trip };
          const dx = target[0] - trip[5], dy = target[1] - trip[6], way = Math.abs(dx) + Math.abs(dy), gone = way * (t - trip[2]) / (trip[3] - trip[2]);
          if (gone <= Math.abs(dx)) return { x: trip[5] + Math.sign(dx) * gone, y: trip[6], s: "go", trip };
          return { x: target[0], y: trip[6] + Math.sign(dy) * Math.min(Math.abs(dy), gone - Math.abs(dx)), s: "go", trip };
        }
        function drawMap(run) {
          const [g, w, h] = pen(run.map, run.map.clientWidth), X = x => (x - mid[0] + half) / (2 * half) * w, Y = y => h - (y - mid[1] + half) / (2 * half) * h;
          g.fillStyle = C.panel; g.fillRect(0, 0, w, h); g.strokeStyle = C.grid; g.lineWidth = 1;
          const step = Math.pow(10, Math.floor(Math.log10(span))) / (span / Math.pow(10, Math.floor(Math.log10(span))) < 2 ? 4 : 1);
          for (let v = Math.ceil((mid[0] - half) / step) * step; v < mid[0] + half; v += step) { g.beginPath(); g.moveTo(X(v), 0); g.lineTo(X(v), h); g.stroke(); }
          for (let v = Math.ceil((mid[1] - half) / step) * step; v < mid[1] + half; v += step) { g.beginPath(); g.moveTo(0, Y(v)); g.lineTo(w, Y(v)); g.stroke(); }
          g.fillStyle = C.soft; g.font = "11px system-ui, sans-serif"; g.textAlign = "left"; g.fillText("grid " + (step >= 1 ? step : step.toFixed(2)) + " km", 8, h - 8);
          let open = 0, paid = 0, lost = 0, sum = 0; run.spots = [];
          D.tasks.forEach((t, i) => {
            if (t[2] > now) return;
            const e = run.fin[i], x = X(t[0]), y = Y(t[1]); let c, a = 1, size = 5;
            if (e && e[1] <= now) { if (e[2] > 0) { paid++; sum += e[2]; c = C.done; } else { lost++; c = C.lost; } a = Math.max(0.13, 1 - (now - e[1]) / 6); size = a > 0.2 ? 5 : 3; }
            else { open++; c = now > t[3] ? C.late : C.open; }
            g.globalAlpha = a; g.fillStyle = c; g.fillRect(x - size, y - size, 2 * size, 2 * size);
            if (!e || e[1] > now) { run.spots.push({ x, y, text: tname(i) + "\nopen since " + clockText(t[2]) + ", full pay until " + clockText(t[3]) + ", deadline " + clockText(t[4]) + "\npays " + money(t[5]) + ", " + t[6].toFixed(0) + " worker-minutes" });
              const left = Math.max(0, Math.min(1, (t[4] - now) / Math.max(1e-9, t[4] - t[2]))); g.strokeStyle = c; g.lineWidth = 2; g.beginPath(); g.arc(x, y, 9.5, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * left); g.stroke(); }
            g.globalAlpha = 1;
          });
          let idle = 0, go = 0, work = 0; const stacked = {};
          D.workers.forEach((me, i) => {
            const p = place(run, i, now); if (p.s === "off") return;
            if (p.s === "idle") idle++; else if (p.s === "go") go++; else work++;
            let x = X(p.x), y = Y(p.y); const c = C[p.s];
            if (p.s === "go") { const t = D.tasks[p.trip[1]]; g.strokeStyle = c; g.globalAlpha = 0.45; g.lineWidth = 1.4; g.beginPath(); g.moveTo(x, y); g.lineTo(X(t[0]), y); g.lineTo(X(t[0]), Y(t[1])); g.stroke(); g.globalAlpha = 1; }
            if (p.s === "work") { const n = stacked[p.trip[1]] = (stacked[p.trip[1]] ?? 0) + 1, a = n * 1.25; x += 9.5 * Math.cos(a); y += 9.5 * Math.sin(a); }
            g.fillStyle = c; g.strokeStyle = C.panel; g.lineWidth = 1.5; g.beginPath(); g.arc(x, y, 4.6, 0, 7); g.fill(); g.stroke();
            run.spots.push({ x, y, text: wname(i) + ": " + (p.s === "idle" ? "idle" : p.s === "go" ? "on the way to " + tname(p.trip[1]) + ", there at " + clockText(p.trip[3]) : "at work on " + tname(p.trip[1])) });
          });
          run.money.textContent = "revenue " + money(sum) + " of " + money(run.r.revenue);
          run.fig.innerHTML = "";
          for (const [k, v] of [["idle", idle], ["on the way", go], ["at work", work], ["open", open], ["paid", paid], ["unpaid", lost]]) { const s = document.createElement("span"); s.innerHTML = k + " <b>" + v + "</b>"; run.fig.append(s); }
        }
        const top_ = Math.max(1e-9, ...D.runs.map(r => r.revenue));
        function drawCurve(run) {
          const [g, w, h] = pen(run.curve, 92), X = t => 46 + (t - start) / (end - start) * (w - 60), Y = v => h - 18 - v / top_ * (h - 30);
          g.font = "11px system-ui, sans-serif"; g.fillStyle = C.soft; g.strokeStyle = C.line; g.textAlign = "right";
          for (const v of [0, top_ / 2, top_]) { g.beginPath(); g.moveTo(46, Y(v)); g.lineTo(w - 14, Y(v)); g.stroke(); g.fillText(v ? money(v) : "0", 40, Y(v) + 4); }
          g.textAlign = "center"; const gap = Math.max(1, Math.ceil((end - start) / 6 / 15) * 15); for (let t = Math.ceil(start / gap) * gap; t <= end; t += gap) g.fillText(axisText(t), Math.min(w - 30, Math.max(30, X(t))), h - 4);
          for (const other of [...runs.filter(o => o !== run), run]) { g.strokeStyle = other === run ? C.accent : C.idle; g.globalAlpha = other === run ? 1 : 0.5; g.lineWidth = other === run ? 2 : 1.2; g.beginPath(); let s = 0; g.moveTo(X(start), Y(0));
            for (const e of other.r.ends.slice().sort((a, b) => a[1] - b[1])) { g.lineTo(X(e[1]), Y(s)); s += e[2]; g.lineTo(X(e[1]), Y(s)); } g.lineTo(X(end), Y(s)); g.stroke(); g.globalAlpha = 1; }
          g.strokeStyle = C.ink; g.lineWidth = 1; g.beginPath(); g.moveTo(X(now), 6); g.lineTo(X(now), h - 16); g.stroke();
        }
        const ROW = 9;
        function lanes(canvas, count, row) {
          const h = Math.max(14, count * ROW + 4), [g, w] = pen(canvas, h), X = t => (Math.max(start, Math.min(end, t)) - start) / (end - start) * w;
          for (let i = 0; i < count; i++) row(g, X, 2 + i * ROW, i);
          g.strokeStyle = C.ink; g.lineWidth = 1; g.beginPath(); g.moveTo(X(now), 0); g.lineTo(X(now), h); g.stroke();
        }
        function bar(g, X, a, b, y, c, alpha, thin) { g.globalAlpha = alpha; g.fillStyle = c; g.fillRect(X(a), y + (thin ? 2.5 : 0), Math.max(0.8, X(b) - X(a)), thin ? 2 : ROW - 2); g.globalAlpha = 1; }
        function drawLanes(run) {
          lanes(run.wl, D.workers.length, (g, X, y, i) => { bar(g, X, D.workers[i][2], D.workers[i][3], y, C.shift, 1);
            for (const t of run.byWorker[i]) { const over = t[4] ?? end, there = t[3] === null ? over : Math.min(t[3], over), dim = t[2] > now ? 0.28 : 1; bar(g, X, t[2], there, y, C.go, dim, true); if (over > there) bar(g, X, there, over, y, C.work, dim); } });
          lanes(run.tl, D.tasks.length, (g, X, y, i) => { const t = D.tasks[i], e = run.fin[i], stop = e ? e[1] : t[4], dim = t[2] > now ? 0.28 : 1; bar(g, X, t[2], Math.min(stop, t[3]), y, C.open, dim * 0.45); if (stop > t[3]) bar(g, X, t[3], stop, y, C.late, dim * 0.6);
            for (const k of run.byTask[i]) if (k[3] !== null && k[3] < (k[4] ?? end)) bar(g, X, k[3], k[4] ?? end, y, C.work, dim * 0.55); if (e) bar(g, X, stop - (end - start) / 300, stop, y, e[2] > 0 ? C.done : C.lost, dim); });
        }
        function draw() { $("time").textContent = clockText(now); $("at").value = now; for (const run of runs) { drawMap(run); drawCurve(run); drawLanes(run); } }
        let playing = false, before = 0;
        function tick(t) { if (!playing) return; const dt = Math.min(0.2, (t - before) / 1000); before = t; now = Math.min(end, now + dt * +$("speed").value); draw(); if (now >= end) stop(); else requestAnimationFrame(tick); }
        function stop() { playing = false; $("play").textContent = "Play"; }
        $("play").onclick = () => { if (playing) return stop(); if (now >= end) now = start; playing = true; $("play").textContent = "Pause"; before = performance.now(); requestAnimationFrame(tick); };
        $("at").min = start; $("at").max = end; $("at").oninput = () => { now = +$("at").value; draw(); };
        document.addEventListener("keydown", e => { if (e.target.tagName === "SELECT") return; if (e.key === " ") { e.preventDefault(); $("play").click(); } if (e.key === "ArrowRight" || e.key === "ArrowLeft") { if (e.target.id === "at") return; now = Math.max(start, Math.min(end, now + (e.key === "ArrowRight" ? 1 : -1))); draw(); } });
        for (const run of runs) {
          for (const c of [run.wl, run.tl, run.curve]) c.onclick = e => { const b = c.getBoundingClientRect(), from = c === run.curve ? 46 : 0, w = b.width - (c === run.curve ? 60 : 0); now = Math.max(start, Math.min(end, start + (e.clientX - b.left - from) / w * (end - start))); draw(); };
          const tip = (e, text) => { const t = $("tip"); t.style.display = text ? "block" : "none"; if (!text) return; t.textContent = text; t.style.left = Math.min(innerWidth - 330, e.clientX + 14) + "px"; t.style.top = e.clientY + 14 + "px"; };
          run.map.onmousemove = e => { const b = run.map.getBoundingClientRect(), x = e.clientX - b.left, y = e.clientY - b.top; let best = null, far = 14; for (const s of run.spots ?? []) { const d = Math.hypot(s.x - x, s.y - y); if (d < far) { far = d; best = s; } } tip(e, best && best.text); };
          run.wl.onmousemove = e => { const i = Math.floor((e.clientY - run.wl.getBoundingClientRect().top - 2) / ROW); tip(e, D.workers[i] && wname(i) + ", shift " + clockText(D.workers[i][2]) + " to " + clockText(D.workers[i][3])); };
          run.tl.onmousemove = e => { const i = Math.floor((e.clientY - run.tl.getBoundingClientRect().top - 2) / ROW), f = run.fin[i]; tip(e, D.tasks[i] && tname(i) + (f ? (f[2] > 0 ? ": paid " + money(f[2]) : ": unpaid") + " at " + clockText(f[1]) : "") + "\nteam: " + (run.byTask[i].map(t => wname(t[0])).join(", ") || "nobody")); };
          for (const c of [run.map, run.wl, run.tl]) c.onmouseleave = () => $("tip").style.display = "none";
        }
        $("title").textContent = D.title; $("sub").textContent = D.tasks.length + " tasks, " + D.workers.length + " workers; space plays, arrows step, a click on a lane goes there";
        const asked = new URLSearchParams(location.search).get("t") ?? location.hash.slice(1); if (asked && isFinite(+asked)) now = Math.max(start, Math.min(end, +asked));
        colours(); matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); draw(); }); addEventListener("resize", draw); draw(); document.documentElement.dataset.ready = "yes";
        </script>
        </body>
        </html>
        """#
}
