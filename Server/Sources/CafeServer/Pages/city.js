// The live map of a city: workers, tasks, teams and travels from the stream, with the plan's reasons.
(() => {
  'use strict';
  const $ = id => document.getElementById(id);
  const base = document.documentElement.dataset.base;
  const data = JSON.parse($('data').textContent);
  const address = new URL(location.href);
  if (address.searchParams.has('t')) {
    address.searchParams.delete('t');
    history.replaceState(null, '', address);
  }
  const SVG = 'http://www.w3.org/2000/svg', EDGE = 34;
  let moment = null, chosen = null, box = null;
  const things = new Map(), rows = new Map();

  // A worker or task as people call it: ids that begin with the word keep to it.
  function named(kind, id) {
    const word = kind === 'worker' ? 'Worker' : 'Task';
    return id.toLowerCase().startsWith(`${kind} `) ? word + id.slice(word.length) : `${word} ${id}`;
  }
  function element(name, text, parent, className) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (className) made.className = className;
    if (parent) parent.append(made);
    return made;
  }
  function drawn(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }
  const layers = ['grid', 'travels', 'tasks', 'workers'].map(name => drawn('g', { 'data-layer': name }, $('map')));

  // --- Places: [x, y] in km or [longitude, latitude] in degrees, onto the sheet with equal scales ----------------------------
  const place = thing => thing.xy || thing.location || null;
  function frame(all) {
    const points = all.map(place).filter(Boolean);
    if (!points.length) return null;
    const degrees = all.some(thing => thing.location);
    const xs = points.map(point => point[0]), ys = points.map(point => point[1]);
    let [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    if (box && box.degrees === degrees) {
      [left, right, low, high] = [Math.min(left, box.left), Math.max(right, box.right), Math.min(low, box.low), Math.max(high, box.high)];
    }
    const stretch = degrees ? Math.max(.05, Math.cos((low + high) / 2 * Math.PI / 180)) : 1, least = degrees ? .002 : .2;
    const wide = $('map').clientWidth || 600, tall = $('map').clientHeight || 400;
    const across = Math.max((right - left) * stretch, least), up = Math.max(high - low, least);
    const scale = Math.min((wide - 2 * EDGE) / across, (tall - 2 * EDGE) / up);
    return { left, right, low, high, stretch, degrees, wide, tall, scale, x: (wide - across * scale) / 2, y: (tall - up * scale) / 2 };
  }
  function at(point) {
    return [box.x + (point[0] - box.left) * box.stretch * box.scale, box.y + (box.high - point[1]) * box.scale];
  }
  function sheet() {
    const key = `0 0 ${box.wide} ${box.tall}`;
    if ($('map').getAttribute('viewBox') === key) return;
    $('map').setAttribute('viewBox', key);
    layers[0].replaceChildren();
    for (let x = 40; x < box.wide; x += 80) drawn('line', { x1: x, x2: x, y1: 0, y2: box.tall, class: 'grid' }, layers[0]);
    for (let y = 40; y < box.tall; y += 80) drawn('line', { x1: 0, x2: box.wide, y1: y, y2: y, class: 'grid' }, layers[0]);
  }

  // --- Drawing ------------------------------------------------------------------------------------------------------------
  function upsert(kind, thing, status, label) {
    const key = `${kind} ${thing.id}`;
    let group = things.get(key);
    if (!group) {
      group = drawn('g', { tabindex: '-1', role: 'button' }, kind === 'worker' ? layers[3] : layers[2]);
      if (kind === 'worker') drawn('circle', { r: 8 }, group); else drawn('rect', { x: -8, y: -8, width: 16, height: 16, rx: 3 }, group);
      drawn('text', { x: 11, y: 4 }, group).textContent = thing.id;
      group.addEventListener('click', () => choose(key));
      things.set(key, group);
    }
    const point = place(thing);
    group.setAttribute('class', `thing ${group.style.transform ? 'moving ' : ''}${kind} ${status}${chosen === key ? ' chosen' : ''}`);
    group.setAttribute('aria-label', label);
    group.style.display = point ? '' : 'none';
    if (point) { const [x, y] = at(point); group.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`; }
    let row = rows.get(key);
    if (!row) {
      const item = element('li', null, null);
      row = element('button', null, item);
      row.type = 'button';
      row.addEventListener('click', () => choose(key));
      rows.set(key, row);
      $('list').append(item);
    }
    if (row.textContent !== label) row.textContent = label;
    row.setAttribute('aria-pressed', String(chosen === key));
    const filter = $('filter').value;
    row.parentElement.hidden = !!filter && filter !== kind && filter !== status;
    return key;
  }
  function draw() {
    if (!moment) return;
    const { workers, tasks } = moment.state;
    box = frame([...workers, ...tasks]);
    const byTask = new Map(tasks.map(task => [task.id, task])), now = new Set();
    if (box) sheet();
    layers[1].replaceChildren();
    for (const task of tasks) {
      const team = task.team || [];
      now.add(upsert('task', task, team.length ? 'served' : 'waiting', `${named('task', task.id)}: ${team.length ? `team of ${team.length}` : 'waiting'}`));
    }
    for (const worker of workers) {
      const task = worker.task === null || worker.task === undefined ? null : byTask.get(worker.task);
      now.add(upsert('worker', worker, worker.task ? 'busy' : 'idle', `${named('worker', worker.id)}: ${worker.task ? `on ${worker.task}` : 'idle'}`));
      if (!task || !place(worker) || !place(task)) continue;
      const [x1, y1] = at(place(worker)), [x2, y2] = at(place(task));
      drawn('line', { x1, y1, x2, y2, class: `travel${worker.locked ? ' locked' : ''}` }, layers[1]);
    }
    for (const [key, group] of things) {
      if (now.has(key)) continue;
      group.remove();
      rows.get(key).parentElement.remove();
      things.delete(key);
      rows.delete(key);
    }
    if (chosen && !now.has(chosen)) { chosen = null; $('detail-title').textContent = 'Nothing chosen'; $('detail').replaceChildren(element('p', 'What was chosen is not there any more.', null, 'quiet')); }
    figures(workers, tasks);
    detail();
  }
  function figures(workers, tasks) {
    const waiting = tasks.filter(task => !(task.team || []).length).length;
    const values = [['Workers', workers.length, `${workers.filter(worker => !worker.task).length} idle`], ['Tasks', tasks.length, `${waiting} waiting`]];
    $('tiles').replaceChildren();
    for (const [name, value, more] of values) {
      const tile = element('li', null, $('tiles'));
      element('span', name, tile);
      element('strong', String(value), tile);
      element('span', more, tile);
    }
    $('clock').textContent = moment.now === null || moment.now === undefined ? 'no event yet' : `clock ${time(moment.now)}`;
    document.body.dataset.version = moment.version;
  }
  function time(value) {
    if (typeof value !== 'number') return value ? String(value).replace('T', ' ') : '–';
    const minutes = Math.floor(value), hours = Math.floor(minutes / 60);
    return `${String(hours).padStart(2, '0')}:${String(minutes - 60 * hours).padStart(2, '0')}`;
  }

  // --- What is chosen, and why it stands as it stands ---------------------------------------------------------------------
  function choose(key) { chosen = key; draw(); }
  function facts(pairs) {
    const list = element('dl', null, null, 'fields');
    for (const [name, value] of pairs) {
      if (value === null || value === undefined || value === '') continue;
      element('dt', name, list);
      element('dd', String(value), list);
    }
    return list;
  }
  function why(entry) {
    const part = element('div', null, null, 'note');
    element('strong', entry.reason.replaceAll('_', ' ').toLowerCase(), part);
    if (entry.detail) element('p', entry.detail, part);
    return part;
  }
  function detail() {
    if (!chosen) return;
    const kind = chosen.slice(0, chosen.indexOf(' ')), id = chosen.slice(kind.length + 1), plan = moment.plan || {};
    const parts = [];
    $('detail-title').textContent = named(kind, id);
    if (kind === 'worker') {
      const worker = moment.state.workers.find(one => one.id === id), idle = (plan.idle || []).find(one => one.worker === id);
      parts.push(facts([['Task', worker.task || 'none'], ['Arrival', worker.task ? time(worker.arrival) : null], ['Bound', worker.task ? (worker.locked ? 'yes, it stays' : 'no, it may be sent elsewhere') : null], ['Skills', (worker.skills || []).join(', ')], ['Place', (place(worker) || []).map(value => value.toFixed(3)).join(', ')]]));
      if (idle) parts.push(why(idle));
    } else {
      const task = moment.state.tasks.find(one => one.id === id), planned = (plan.tasks || []).find(one => one.id === id), open = (plan.unassigned || []).find(one => one.task === id);
      parts.push(facts([['Team', (task.team || []).join(', ') || 'none'], ['Done at', task.completion === null || task.completion === undefined ? null : time(task.completion)], ['Deadline', task.deadline === null || task.deadline === undefined ? null : time(task.deadline)], ['Pay', task.pay], ['Payment', planned?.payment?.toFixed(2)], ['Gain', planned?.gain?.toFixed(2)], ['Minutes bound', planned?.minutes?.toFixed(1)]]));
      if (open) parts.push(why(open));
    }
    const fresh = element('div', null, null);
    fresh.append(...parts);
    if ($('detail').innerHTML !== fresh.innerHTML) $('detail').replaceChildren(...parts);
  }

  // --- The stream ---------------------------------------------------------------------------------------------------------
  function live(state, text) {
    document.body.dataset.state = state;
    if ($('live').textContent !== text) $('live').textContent = text;
    $('live').className = `chip ${state === 'live' ? 'open' : 'paused'}`;
  }
  let waiting = false;
  function follow() {
    const source = new EventSource(`${base}/v1/cities/${encodeURIComponent(data.city)}/stream`);
    source.addEventListener('open', () => live('live', 'live'));
    source.addEventListener('plan', event => {
      moment = JSON.parse(event.data);
      live('live', 'live');
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(); });
    });
    source.addEventListener('error', () => {
      live('lost', 'connection lost, trying again');
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
    });
  }
  $('filter').addEventListener('change', draw);
  addEventListener('resize', draw);
  follow();
})();
