// The list of studies and cities, and the form that creates a study.
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

  function element(name, text, parent, className) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (className) made.className = className;
    if (parent) parent.append(made);
    return made;
  }
  function notice(text, kind) {
    const box = $('notice');
    box.hidden = !text;
    box.className = `note ${kind || ''}`;
    box.textContent = text || '';
    if (text) box.scrollIntoView({ block: 'nearest' });
  }
  async function call(method, path, body) {
    const headers = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response;
    try {
      response = await fetch(`${base}/v1/${path}`, { method, headers, credentials: 'same-origin', body: body === undefined ? body : JSON.stringify(body) });
    } catch { throw new Error('The server cannot be reached.'); }
    const document = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error((document.path ? `${document.path}: ` : '') + (document.detail || `The server answered ${response.status}.`));
    return document;
  }
  const number = value => (value ?? 0).toLocaleString('en', { maximumFractionDigits: 2 });

  async function list() {
    const [{ studies }, { cities }] = await Promise.all([call('GET', 'studies'), call('GET', 'cities')]);
    const rows = $('studies').tBodies[0];
    rows.replaceChildren();
    $('no-studies').hidden = studies.length > 0;
    $('studies').hidden = !studies.length;
    for (const study of studies) {
      const row = element('tr', null, rows), link = element('a', study.name, element('td', null, row, 'long'));
      link.href = `${base}/admin/studies/${encodeURIComponent(study.id)}`;
      element('span', study.state, element('td', null, row), `chip ${study.state}`);
      for (const value of [study.tasks, study.labels, study.spent, study.budget]) element('td', number(value), row, 'n');
      const bar = element('progress', null, element('td', null, row));
      bar.max = study.budget || 1;
      bar.value = study.spent;
      bar.setAttribute('aria-label', `${number(study.spent)} of ${number(study.budget)} spent`);
    }
    const places = $('cities').tBodies[0];
    places.replaceChildren();
    $('no-cities').hidden = cities.length > 0;
    $('cities').hidden = !cities.length;
    for (const city of cities) {
      const row = element('tr', null, places), link = element('a', city.id, element('td', null, row, 'long'));
      link.href = `${base}/cities/${encodeURIComponent(city.id)}`;
      element('td', number(city.workers), row, 'n');
      element('td', number(city.tasks), row, 'n');
      element('td', city.now ?? 'not begun', row);
    }
  }

  function wanted(form) {
    const text = name => form.elements[name].value.trim(), body = { name: text('name') };
    body.classes = text('classes').split(',').map(part => part.trim()).filter(Boolean);
    body.budget = Number(text('budget'));
    for (const name of ['cost', 'stop_at', 'lease_seconds']) if (text(name)) body[name] = Number(text(name));
    for (const name of ['method', 'join', 'instructions', 'completion_url']) if (text(name)) body[name] = text(name);
    return body;
  }
  // --- The file of tasks: read here, so that the study is created with them or not at all -----------------------------------
  function table(text) {
    const rows = [[]];
    let cell = '', quoted = false;
    const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
    for (let at = 0; at < source.length; at += 1) {
      const sign = source[at], row = rows[rows.length - 1];
      if (quoted) {
        if (sign !== '"') cell += sign;
        else if (source[at + 1] === '"') { cell += '"'; at += 1; } else quoted = false;
      } else if (sign === '"' && !cell) quoted = true;
      else if (sign === ',') { row.push(cell); cell = ''; } else if (sign === '\n') { row.push(cell); cell = ''; rows.push([]); } else cell += sign;
    }
    if (quoted) throw new Error('The file ends within quotes.');
    rows[rows.length - 1].push(cell);
    const [names, ...body] = rows.filter(row => row.length > 1 || row[0] !== '');
    return body.map((row, index) => {
      if (row.length !== names.length) throw new Error(`Row ${index + 2} of the file has ${row.length} cells, the first has ${names.length}.`);
      return Object.fromEntries(names.map((name, k) => [name.trim(), row[k]]).filter(([, value]) => value !== ''));
    });
  }
  function entry(source, number) {
    const { data, ...rest } = source, task = {}, fields = {};
    const members = data !== null && typeof data === 'object' ? { id: rest.id ?? number, ...data } : { ...rest, ...(data === undefined ? {} : { text: data }) };
    for (const [name, value] of Object.entries(members)) {
      if (name === 'id' || name === 'task') task.id = String(value);
      else if (['context', 'text', 'image'].includes(name) && typeof value === 'string') task[name] = value;
      else if (name === 'fields' && value !== null && typeof value === 'object') Object.assign(fields, value);
      else if (!['label', 'labels', 'annotations', 'predictions', 'Comments'].includes(name)) fields[name] = value;
    }
    if (task.id === undefined) throw new Error(`Task ${number} of the file has no id (a member or a column "id" or "task").`);
    if (Object.keys(fields).length) task.fields = fields;
    return task;
  }
  function tasksOf(text, name, format) {
    const kind = format || (/\.csv$/i.test(name) ? 'csv' : /\.(jsonl|ndjson)$/i.test(name) ? 'jsonl' : 'json');
    let rows;
    if (kind === 'csv') rows = table(text);
    else if (kind === 'jsonl' || kind === 'doccano') {
      rows = text.split('\n').flatMap((line, index) => {
        if (!line.trim()) return [];
        try { return [JSON.parse(line)]; } catch (error) { throw new Error(`Line ${index + 1} of the file is not JSON: ${error.message}`); }
      });
    } else {
      let document_;
      try { document_ = JSON.parse(text); } catch (error) { throw new Error(`The file is not JSON: ${error.message}`); }
      rows = Array.isArray(document_) ? document_ : document_?.tasks;
    }
    if (!Array.isArray(rows) || !rows.length) throw new Error('There are no tasks in the file.');
    return rows.map((row, index) => entry(row ?? {}, index + 1));
  }
  function made(study, name, tasks) {
    $('made').hidden = false;
    $('made-title').textContent = `${name} is created with ${number(tasks)} tasks`;
    const links = $('made-links');
    links.replaceChildren();
    for (const [title, text] of [['Link of the study', study.link], ['Requester\'s link', study.admin_link], ['Requester\'s token', study.token]]) {
      element('dt', title, links, 'quiet small');
      const row = element('dd', null, links, 'row');
      element('span', text, row, 'secret grow');
      const copy = element('button', 'Copy', row);
      copy.type = 'button';
      copy.setAttribute('aria-label', `Copy: ${title}`);
      copy.addEventListener('click', async () => {
        try { await navigator.clipboard.writeText(text); copy.textContent = 'Copied'; } catch { getSelection().selectAllChildren(row.firstChild); }
      });
    }
    const open = element('a', 'Open its page', element('dd', null, links, 'row'), 'button primary');
    open.href = `${base}/admin/studies/${encodeURIComponent(study.id)}`;
    $('made-title').focus();
  }
  $('create').addEventListener('submit', async event => {
    event.preventDefault();
    const form = event.target, button = form.querySelector('button'), file = form.elements.file.files[0], format = form.elements.format.value;
    const body = wanted(form);
    button.disabled = true;
    notice('');
    try {
      body.tasks = tasksOf(await file.text(), file.name, format);
      const study = await call('POST', 'studies', body);
      form.reset();
      made(study, body.name, body.tasks.length);
      await list();
    } catch (error) { notice(error.message, 'bad'); } finally { button.disabled = false; }
  });
  $('version').textContent = data.version ? `version ${data.version}` : '';
  list().catch(error => notice(error.message, 'bad'));
})();
