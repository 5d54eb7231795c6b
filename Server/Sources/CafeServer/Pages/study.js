// One study for its team: figures, plots, workers, tasks, invitations, downloads, changes.
(() => {
  'use strict';
  const $ = id => document.getElementById(id);
  const base = document.documentElement.dataset.base;
  const data = JSON.parse($('data').textContent);
  const root = `studies/${encodeURIComponent(data.study)}`;
  const address = new URL(location.href);
  if (address.searchParams.has('t')) {
    address.searchParams.delete('t');
    history.replaceState(null, '', address);
  }

  function element(name, text, parent, className) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (className) made.className = className;
    if (parent) parent.append(made);
    return made;
  }
  function drawn(name, attributes, parent, text) {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }
  function notice(text, kind) {
    const box = $('notice');
    box.hidden = !text;
    box.className = `note ${kind || ''}`;
    box.textContent = text || '';
    if (text) box.scrollIntoView({ block: 'nearest' });
  }
  async function call(method, path, body, type) {
    const headers = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = type || 'application/json';
    let response;
    try {
      response = await fetch(`${base}/v1/${path}`, { method, headers, credentials: 'same-origin', body: body === undefined || type ? body : JSON.stringify(body) });
    } catch { throw new Error('The server cannot be reached.'); }
    const document = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error((document.path ? `${document.path}: ` : '') + (document.detail || `The server answered ${response.status}.`));
    return document;
  }
  /// Runs an action, shows what comes of it, reads the study again.
  async function act(action) {
    notice('');
    try {
      const text = await action();
      if (text) notice(text);
      await refresh();
    } catch (error) { notice(error.message, 'bad'); }
  }
  const number = (value, digits = 2) => (value === null || value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: digits }));
  const percent = value => (value === null || value === undefined ? '–' : `${(100 * value).toFixed(1)} %`);

  // --- Plots ----------------------------------------------------------------------------------------------------------
  const W = 560, H = 230, L = 44, R = 48, T = 24, B = 30;
  function canvas(id, title) {
    $(id).replaceChildren();
    return drawn('svg', { viewBox: `0 0 ${W} ${H}`, class: 'plot', role: 'img', 'aria-label': title }, $(id));
  }
  function history_(points, budget) {
    if (points.length < 2) { $('history').replaceChildren(); element('p', 'There are too few answers for a plot.', $('history'), 'quiet'); return; }
    const last = points[points.length - 1];
    const svg = canvas('history', `Confidence ${percent(last.confidence)} after ${number(last.labels)} labels; ${number(last.spent)} of ${number(budget)} spent`);
    const most = Math.max(1, last.labels), money = Math.max(budget, last.spent, 1e-9);
    const known = points.map(point => point.confidence).filter(value => typeof value === 'number');
    const low = known.length ? Math.min(.9, Math.floor(10 * Math.min(...known)) / 10) : 0;
    const x = labels => L + (W - L - R) * labels / most, y = value => T + (H - T - B) * (1 - (value - low) / (1 - low)), z = spent => T + (H - T - B) * (1 - spent / money);
    for (let k = 0; k <= 4; k += 1) {
      const at = low + (1 - low) * k / 4;
      drawn('line', { x1: L, x2: W - R, y1: y(at), y2: y(at), class: 'grid' }, svg);
      drawn('text', { x: L - 6, y: y(at) + 4, 'text-anchor': 'end' }, svg, `${Math.round(100 * at)} %`);
      drawn('text', { x: W - R + 6, y: y(at) + 4 }, svg, number(money * k / 4, 0));
      drawn('text', { x: x(most * k / 4), y: H - 10, 'text-anchor': k === 4 ? 'end' : k ? 'middle' : 'start' }, svg, number(Math.round(most * k / 4)));
    }
    const path = (list, f) => list.map((point, k) => `${k ? 'L' : 'M'}${x(point.labels).toFixed(1)} ${f(point).toFixed(1)}`).join('');
    drawn('path', { d: path(points, point => z(point.spent)), class: 'line second' }, svg);
    drawn('path', { d: path(points.filter(point => typeof point.confidence === 'number'), point => y(point.confidence)), class: 'line' }, svg);
    drawn('text', { x: L, y: 13, class: 'key' }, svg, 'mean confidence (line, left)   spent (dashes, right)');
    element('p', 'Across: labels so far. Confidence is the mean over labelled tasks as the study\'s model sees it; check it against known classes.', $('history'), 'quiet small');
  }
  function spread(counts, settled) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (!total) { $('spread').replaceChildren(); element('p', 'No task has a label yet.', $('spread'), 'quiet'); return; }
    const svg = canvas('spread', `Number of tasks by confidence in tenths: ${counts.join(', ')}`);
    const most = Math.max(...counts), width = (W - L - 12) / counts.length;
    counts.forEach((count, k) => {
      const height = (H - T - B) * count / most, left = L + k * width;
      drawn('rect', { x: left + 3, y: H - B - height, width: width - 6, height, rx: 3, class: 'bar' }, svg);
      if (count) drawn('text', { x: left + width / 2, y: H - B - height - 5, 'text-anchor': 'middle', class: 'key' }, svg, number(count));
      drawn('text', { x: left + width / 2, y: H - 10, 'text-anchor': 'middle' }, svg, `${10 * k}–${10 * k + 10}`);
    });
    drawn('line', { x1: L, x2: W - 12, y1: H - B, y2: H - B, class: 'grid' }, svg);
    element('p', `Across: confidence in percent. ${number(settled)} tasks are settled.`, $('spread'), 'quiet small');
  }
  function interval(parent, value, low, high) {
    const text = `${percent(value)} (${percent(low)} to ${percent(high)})`;
    const svg = drawn('svg', { viewBox: '0 0 128 16', class: 'interval', role: 'img', 'aria-label': text }, parent);
    drawn('line', { x1: 4, x2: 124, y1: 8, y2: 8, class: 'rail' }, svg);
    drawn('line', { x1: 4 + 120 * low, x2: 4 + 120 * high, y1: 8, y2: 8, class: 'span' }, svg);
    drawn('circle', { cx: 4 + 120 * value, cy: 8, r: 4, class: 'dot' }, svg);
    element('span', text, parent, 'small quiet');
  }

  // --- The study --------------------------------------------------------------------------------------------------------
  function tiles(study) {
    const box = $('tiles');
    box.replaceChildren();
    const rows = [
      ['Labels', number(study.labels), `${number(study.outstanding)} outstanding`],
      ['Spent', number(study.spent), `of ${number(study.budget)}; ${number(study.set_aside)} set aside`],
      ['Free', number(study.free), ''],
      ['Tasks', number(study.tasks), `${number(study.gold)} known, ${number(study.settled)} settled`],
      ['Mean confidence', percent(study.confidence), study.method],
      ['Agreement', percent(study.agreement), 'of pairs of labels'],
    ];
    for (const [name, value, more] of rows) {
      const tile = element('li', null, box);
      element('span', name, tile);
      element('strong', value, tile);
      if (more) element('span', more, tile);
    }
  }
  function workers(list) {
    const rows = $('workers').tBodies[0];
    rows.replaceChildren();
    $('workers').hidden = !list.length;
    $('no-workers').hidden = list.length > 0;
    for (const worker of list) {
      const row = element('tr', null, rows), name = element('td', worker.id, row, 'long');
      if (worker.family) { name.append(' '); element('span', worker.family, name, 'chip').title = 'Family: their errors go together'; }
      if (worker.barred) { name.append(' '); element('span', 'barred', name, 'chip barred'); }
      element('td', number(worker.labels), row, 'n');
      element('td', number(worker.pay), row, 'n');
      element('td', number(worker.median_seconds, 1), row, 'n');
      element('td', number(worker.lapsed), row, 'n');
      element('td', number(worker.declined), row, 'n');
      const quality = element('td', null, row);
      if (typeof worker.quality === 'number') interval(quality, worker.quality, worker.quality_low ?? worker.quality, worker.quality_high ?? worker.quality);
      else element('span', 'not known yet', quality, 'quiet small');
      const more = element('td', null, row), contexts = (worker.contexts || []).filter(context => typeof context.quality === 'number');
      if (contexts.length) {
        const details = element('details', null, more);
        element('summary', `${contexts.length} contexts`, details);
        for (const context of contexts) {
          const line = element('div', `${context.context || '(none)'}, ${number(context.labels)}: `, details, 'small');
          interval(line, context.quality, context.low ?? context.quality, context.high ?? context.quality);
        }
      }
      const button = element('button', worker.barred ? 'Ask again' : 'Bar', element('td', null, row), 'plain');
      button.setAttribute('aria-label', `${worker.barred ? 'Ask again' : 'Bar'}: ${worker.id}`);
      button.addEventListener('click', () => act(async () => {
        await call('POST', `${root}/workers/${encodeURIComponent(worker.id)}/${worker.barred ? 'unbar' : 'bar'}`);
        return '';
      }));
    }
  }
  let shown = '';
  async function refresh() {
    const study = await call('GET', root), text = JSON.stringify(study);
    if (text === shown) return;
    shown = text;
    $('name').textContent = study.name;
    document.title = study.name;
    $('state').textContent = study.state;
    $('state').className = `chip ${study.state}`;
    $('pause').hidden = study.state !== 'open';
    $('resume').hidden = study.state !== 'paused';
    $('close').hidden = study.state === 'closed';
    tiles(study);
    history_(study.history || [], study.budget);
    spread(study.confidence_histogram || [], study.settled);
    if (!$('workers').contains(document.activeElement)) workers(study.workers || []);
    if (document.activeElement?.form !== $('budget')) $('budget').elements.budget.value = study.budget;
  }

  // --- Tasks ------------------------------------------------------------------------------------------------------------
  let next = null;
  function taskRow(task) {
    const row = element('tr', null, $('tasks').tBodies[0]);
    element('td', task.id ?? task.task, row, 'long');
    const content = task.text || task.image || Object.entries(task.fields || {}).map(([name, value]) => `${name}: ${value}`).join('; ');
    $('tasks').tHead.rows[0].cells[1].hidden = task.id === undefined;
    if (task.id !== undefined) element('td', content && content.length > 200 ? `${content.slice(0, 200)}…` : content || '', row, 'long');
    element('td', task.label ?? '–', row);
    element('td', percent(task.confidence), row, 'n');
    element('td', number(task.labels), row, 'n');
  }
  async function inOrder(after) {
    const query = after === null ? '?limit=50' : `?limit=50&after=${after}`;
    const page = await call('GET', `${root}/tasks${query}`);
    if (after === null) $('tasks').tBodies[0].replaceChildren();
    $('tasks').hidden = false;
    page.tasks.forEach(taskRow);
    next = page.next;
    $('more').hidden = next === null || next === undefined;
  }
  async function leastCertain() {
    const { labels } = await call('GET', `${root}/labels?format=json`);
    const chosen = labels.filter(row => !row.gold && row.labels > 0).sort((a, b) => a.confidence - b.confidence).slice(0, 50);
    $('tasks').tBodies[0].replaceChildren();
    $('tasks').hidden = false;
    chosen.forEach(taskRow);
    $('more').hidden = true;
    if (!chosen.length) notice('No task has a label yet.');
  }
  const guarded = action => async () => { try { await action(); } catch (error) { notice(error.message, 'bad'); } };
  $('show-all').addEventListener('click', guarded(() => inOrder(null)));
  $('show-least').addEventListener('click', guarded(leastCertain));
  $('more').addEventListener('click', guarded(() => inOrder(next)));

  // --- Actions ------------------------------------------------------------------------------------------------------------
  for (const [id, text] of [['pause', 'Paused: nobody is asked.'], ['resume', 'Open again.']]) {
    $(id).addEventListener('click', () => act(async () => { await call('POST', `${root}/${id}`); return text; }));
  }
  $('close').addEventListener('click', () => $('sure').showModal());
  $('keep').addEventListener('click', () => $('sure').close());
  $('really').addEventListener('click', () => {
    $('sure').close();
    act(async () => { await call('POST', `${root}/close`); return 'The study is closed.'; });
  });
  $('budget').addEventListener('submit', event => {
    event.preventDefault();
    act(async () => `The budget is ${number((await call('POST', `${root}/budget`, { budget: Number(event.target.elements.budget.value) })).budget)}.`);
  });
  function mediaType(file, format) {
    if (format === 'csv' || (!format && /\.csv$/i.test(file.name))) return 'text/csv';
    if (['jsonl', 'doccano'].includes(format) || (!format && /\.(jsonl|ndjson)$/i.test(file.name))) return 'application/x-ndjson';
    return 'application/json';
  }
  const told = (result, what) => `${number(result.added)} ${what} added${result.known ? `, ${number(result.known)} known already` : ''}.`;
  $('add').addEventListener('submit', event => {
    event.preventDefault();
    const form = event.target, file = form.elements.file.files[0], format = form.elements.format.value;
    act(async () => {
      const result = await call('POST', `${root}/tasks${format ? `?format=${format}` : ''}`, file, mediaType(file, format));
      form.reset();
      return told(result, 'tasks');
    });
  });
  $('gold').addEventListener('submit', event => {
    event.preventDefault();
    const form = event.target, gold = {};
    act(async () => {
      for (const [index, line] of form.elements.gold.value.split('\n').entries()) {
        const comma = line.lastIndexOf(',');
        if (!line.trim()) continue;
        if (comma < 1) throw new Error(`Line ${index + 1}: "${line}" is not task,class`);
        gold[line.slice(0, comma).trim()] = line.slice(comma + 1).trim();
      }
      const result = await call('POST', `${root}/gold`, { gold });
      form.reset();
      return told(result, 'known classes');
    });
  });
  $('invite').addEventListener('submit', event => {
    event.preventDefault();
    const form = event.target, body = {};
    if (form.elements.id.value.trim()) body.id = form.elements.id.value.trim();
    if (form.elements.cost.value) body.cost = Number(form.elements.cost.value);
    if (form.elements.family.value.trim()) body.family = form.elements.family.value.trim();
    act(async () => {
      const worker = await call('POST', `${root}/workers`, body), row = element('li', `${worker.id}: `, $('links'));
      element('span', worker.link, row);
      const copy = element('button', 'Copy', row, 'plain');
      copy.type = 'button';
      copy.addEventListener('click', async () => {
        try { await navigator.clipboard.writeText(worker.link); copy.textContent = 'Copied'; } catch { getSelection().selectAllChildren(row.children[0]); }
      });
      form.reset();
      return 'The link is shown once, below the form.';
    });
  });
  function downloads() {
    const list = $('downloads'), method = $('method').value, query = method ? `&method=${encodeURIComponent(method)}` : '';
    list.replaceChildren();
    for (const [name, path] of [
      ['Labels with confidence, CSV', `labels?format=csv${query}`], ['Labels, JSONL', `labels?format=jsonl${query}`],
      ['Labels, Label Studio JSON', `labels?format=labelstudio${query}`], ['Answers, CSV for crowd-kit (task,worker,label)', 'answers?format=csv'],
      ['Answers, JSONL', 'answers?format=jsonl'],
    ]) {
      const link = element('a', name, element('li', null, list));
      link.href = `${base}/v1/${root}/${path}`;
      link.setAttribute('download', '');
    }
  }
  $('method').addEventListener('change', downloads);

  $('home').hidden = data.role !== 'admin';
  downloads();
  (async function watch() {
    try { if (!document.hidden) await refresh(); } catch (error) { notice(error.message, 'bad'); }
    setTimeout(watch, 5000);
  })();
})();
