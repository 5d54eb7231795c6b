// The annotator's page: one question a screen. What is chosen is kept in localStorage until the server has answered 200.
(() => {
  'use strict';
  const $ = id => document.getElementById(id);
  const base = document.documentElement.dataset.base;
  const data = JSON.parse($('data').textContent);
  const prefix = `cafe:${base}:${data.study}:${data.worker || ''}:`;

  // Storage that also works where the browser forbids it (then for this page only).
  const memory = new Map();
  const keep = {
    get(name, otherwise) {
      let text = null;
      try { text = localStorage.getItem(prefix + name); } catch { text = null; }
      if (text === null) text = memory.get(name) ?? null;
      try { return text === null ? otherwise : JSON.parse(text); } catch { return otherwise; }
    },
    set(name, value) {
      const text = JSON.stringify(value);
      memory.set(name, text);
      try { localStorage.setItem(prefix + name, text); } catch { /* full or forbidden: memory has it */ }
    },
  };

  // What the platform put into the link. It stays for this tab; a token leaves the address.
  const platform = (() => {
    const found = Object.fromEntries(new URLSearchParams(location.search));
    delete found.t;
    const name = prefix + 'platform';
    try {
      if (Object.keys(found).length) sessionStorage.setItem(name, JSON.stringify(found));
      return JSON.parse(sessionStorage.getItem(name) || '{}');
    } catch { return found; }
  })();
  const address = new URL(location.href);
  if (address.searchParams.has('t')) {
    address.searchParams.delete('t');
    history.replaceState(null, '', address);
  }

  let question = null;      // what the server asks now
  let correcting = null;    // the last question, while it is being corrected
  let state = 'loading';
  let skew = 0;             // the server's clock less this one's, ms
  let retryTimer = 0, failures = 0, waitTimer = 0, lapseTimer = 0, leaveTimer = 0;

  function become(next) { state = next; document.body.dataset.state = next; }
  function say(text, kind) { const box = $('status'); box.textContent = text; box.className = kind || 'quiet'; }
  function notice(text, kind) {
    const box = $('notice');
    box.hidden = !text;
    box.className = `note ${kind || 'warn'}`;
    if (box.textContent !== text) box.textContent = text || '';
  }
  function show(id) { for (const name of ['help', 'ask', 'end']) $(name).hidden = name !== id; }

  // --- HTTP -----------------------------------------------------------------------------------------------------
  async function post(path, body) {
    const headers = { Accept: 'application/json' };
    if (body) headers['Content-Type'] = 'application/json';
    if (data.token) headers.Authorization = `Bearer ${data.token}`;
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 15000);
    try {
      const response = await fetch(`${base}/v1/studies/${encodeURIComponent(data.study)}/${path}`, {
        method: 'POST', headers, body: body ? JSON.stringify(body) : undefined, credentials: 'same-origin', signal: stop.signal,
      });
      const date = Date.parse(response.headers.get('Date') || '');
      if (date) skew = date - Date.now();
      const document = await response.json().catch(() => ({}));
      return { status: response.status, document, after: Number(response.headers.get('Retry-After')) || 0 };
    } finally { clearTimeout(timer); }
  }

  function later(seconds) {
    const unsent = keep.get('unsent', []).length;
    failures += 1;
    const delay = seconds || Math.min(15, 2 ** Math.min(failures - 1, 4));
    become('offline');
    say(unsent ? 'Not sent yet' : 'No connection', 'warn');
    notice(unsent
      ? 'The server cannot be reached. Your answer is kept on this device and will be sent as soon as the connection is back.'
      : 'The server cannot be reached. This page tries again by itself.');
    clearTimeout(retryTimer);
    retryTimer = setTimeout(proceed, delay * 1000);
  }
  /// True: the answer says "not now"; another try is arranged.
  function postponed(result) {
    if (result.status !== 429 && result.status < 500) return false;
    later(result.after);
    return true;
  }

  async function flush() {
    for (;;) {
      const unsent = keep.get('unsent', []);
      if (!unsent.length) return true;
      const { shown, ...body } = unsent[0];
      let result;
      try { result = await post('answers', body); } catch { later(0); return false; }
      if (postponed(result)) return false;
      if (result.status === 401 || result.status === 403) { refuse(result); return false; }
      keep.set('unsent', keep.get('unsent', []).filter(item => item.question !== body.question || item.label !== body.label));
      keep.set('tick', Date.now());
      reached();
      if (result.status === 200) {
        if (body.label !== undefined && shown) keep.set('last', { ...shown, label: body.label });
        say(body.decline ? 'Skipped' : body.correct ? 'Corrected and saved' : 'Saved', 'good');
      } else {
        say('Not counted', 'warn');
        notice(result.document.detail || `The server refused this answer (${result.status}).`);
      }
    }
  }
  function reached() {
    if (failures) notice('');
    failures = 0;
    clearTimeout(retryTimer);
  }
  function refuse(result) {
    finish({ code: 'refused', sentence: result.document.detail || 'This link is not valid any more. Please ask for a new one.' });
  }

  async function ask() {
    let result;
    try { result = await post('next'); } catch { return later(0); }
    if (postponed(result)) return undefined;
    if (result.status !== 200) return refuse(result);
    reached();
    progress(result.document.progress);
    if (result.document.done) return finish(result.document.done);
    question = result.document.question;
    correcting = null;
    draw(question, null);
    return undefined;
  }

  let running = null;
  function proceed() {
    clearTimeout(retryTimer);
    running ||= (async () => { if (await flush()) await ask(); })().finally(() => { running = null; });
    return running;
  }

  // --- The question -------------------------------------------------------------------------------------------------
  function element(name, text, parent) {
    const made = document.createElement(name);
    if (text !== undefined && text !== null) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }
  function draw(shown, chosen) {
    const box = $('question'), list = $('answers');
    box.replaceChildren();
    if (shown.image) {
      const image = element('img', null, box);
      image.alt = shown.text ? '' : `Image of task ${shown.task}`;
      image.addEventListener('error', () => {
        image.remove();
        const failed = document.createElement('p');
        failed.className = 'bad';
        failed.textContent = 'The image could not be loaded. ';
        const retry = element('button', 'Load it again', failed);
        retry.addEventListener('click', () => draw(shown, chosen));
        box.prepend(failed);
      });
      image.src = shown.image;
    }
    if (shown.text) element('p', shown.text, box);
    const fields = Object.entries(shown.fields || {});
    if (fields.length) {
      const pairs = element('dl', null, box);
      pairs.className = 'fields';
      for (const [name, value] of fields) { element('dt', name, pairs); element('dd', String(value), pairs); }
    }
    if (!shown.text && !shown.image && !fields.length) element('p', shown.task, box);
    list.replaceChildren();
    shown.classes.forEach((label, index) => {
      const button = element('button', null, list);
      button.type = 'button';
      if (index < 9) {
        element('kbd', String(index + 1), button).setAttribute('aria-hidden', 'true');
        button.setAttribute('aria-keyshortcuts', String(index + 1));
      }
      element('span', label, button);
      button.dataset.label = label;
      button.setAttribute('aria-pressed', String(label === chosen));
      button.addEventListener('click', () => choose(label));
    });
    $('question-title').textContent = correcting ? 'Your last question, to correct' : 'Question';
    $('skip').textContent = '';
    $('skip').append(correcting ? 'Leave it as it is ' : 'Skip ', Object.assign(document.createElement('kbd'), { textContent: correcting ? 'Esc' : 'S' }));
    $('undo').hidden = !!correcting;
    $('undo').disabled = !keep.get('last', null);
    show('ask');
    document.body.dataset.question = shown.id;
    document.body.dataset.correcting = String(!!correcting);
    become('question');
    box.focus({ preventScroll: true });
    scrollTo(0, 0);
    lapse(shown);
  }
  function lapse(shown) {
    clearTimeout(lapseTimer);
    if (correcting || !shown.expires_at) return;
    const left = Date.parse(shown.expires_at) - Date.now() - skew;
    if (!(left < 2 ** 31)) return;
    lapseTimer = setTimeout(() => {
      if (state !== 'question' || question !== shown || correcting) return;
      notice('This question was open for long and may have gone to somebody else. You can still answer: it counts unless it was given away.');
    }, Math.max(0, left));
  }
  function busy() {
    become('sending');
    say('Saving…');
    for (const button of $('answers').children) button.disabled = true;
  }
  function submit(entry, shown) {
    busy();
    notice('');
    keep.set('unsent', [...keep.get('unsent', []).filter(item => item.question !== entry.question), { ...entry, shown }]);
    proceed();
  }
  function choose(label) {
    if (state !== 'question') return;
    const shown = correcting || question;
    for (const button of $('answers').children) button.setAttribute('aria-pressed', String(button.dataset.label === label));
    if (!correcting) return submit({ question: shown.id, label }, shown);
    if (label === shown.label) return leave();
    return submit({ question: shown.id, label, correct: true }, shown);
  }
  function skip() {
    if (state !== 'question') return;
    if (correcting) leave(); else submit({ question: question.id, decline: true }, null);
  }
  function correct() {
    const last = keep.get('last', null);
    if ((state !== 'question' && state !== 'done') || correcting || !last) return;
    clearTimeout(waitTimer);
    clearTimeout(leaveTimer);
    correcting = last;
    say('');
    notice('This is your last question again. Choose the right answer, or leave it as it is.', 'plain');
    draw(last, last.label);
  }
  function leave() { correcting = null; notice(''); busy(); say(''); proceed(); }
  function progress(value) {
    $('progress').hidden = !value;
    if (!value) return;
    const about = Math.max(value.about || 0, value.answered);
    $('bar').max = about || 1;
    $('bar').value = value.answered;
    $('count').textContent = value.about ? `${value.answered} of about ${about}` : `${value.answered} answered`;
  }

  // --- The end ------------------------------------------------------------------------------------------------------
  const titles = {
    'budget-spent': 'All done, thank you', 'all-asked': 'All done, thank you', settled: 'All done, thank you',
    closed: 'This study is closed', paused: 'A short pause', wait: 'Nothing for you just now', barred: 'No more questions for you',
    refused: 'This page cannot go on', preview: 'Preview',
  };
  const reasons = {
    'budget-spent': 'The budget of this study is spent.', 'all-asked': 'You have answered every question that was for you.',
    settled: 'Every question has a certain answer now.', closed: 'It takes no more answers.', paused: 'The study is paused.',
    wait: 'Others are answering what is left.', barred: 'The team that runs this study has ended your part in it.',
  };
  function finish(done) {
    question = null; correcting = null;
    clearTimeout(lapseTimer);
    $('end-title').textContent = titles[done.code] || 'The end';
    $('end-text').textContent = done.sentence || reasons[done.code] || '';
    document.body.dataset.code = done.code;
    document.body.dataset.question = '';
    const over = ['budget-spent', 'all-asked', 'settled', 'closed'].includes(done.code);
    complete(over && safe(done.completion_url));
    $('mturk').hidden = !(over && turk());
    $('end-undo').hidden = done.code === 'closed' || done.code === 'refused' || done.code === 'barred' || !keep.get('last', null);
    const waits = done.code === 'paused' || done.code === 'wait';
    $('again').hidden = !waits;
    $('end-timer').textContent = '';
    show('end');
    become('done');
    $('end-title').focus({ preventScroll: true });
    clearTimeout(waitTimer);
    if (waits) {
      const seconds = Math.max(1, done.retry_after || 30);
      $('end-timer').textContent = `This page looks again every ${seconds} s.`;
      waitTimer = setTimeout(function look() {
        if (document.hidden) waitTimer = setTimeout(look, 1000); else proceed();
      }, seconds * 1000);
    }
  }
  function safe(text) {
    try {
      const url = new URL(text);
      return url.protocol === 'https:' || url.protocol === 'http:' ? url : null;
    } catch { return null; }
  }
  function complete(url) {
    const link = $('finish'), code = url && (url.searchParams.get('cc') || url.searchParams.get('code'));
    $('end-code').hidden = !code;
    $('code').textContent = code || '';
    link.hidden = !url;
    clearTimeout(leaveTimer);
    if (!url) return;
    link.href = url.href;
    link.textContent = `Finish at ${url.hostname}`;
    if (!platform.PROLIFIC_PID) return;
    leaveTimer = setTimeout(() => location.assign(url.href), 8000);
    setTimeout(() => { if (state === 'done') $('end-timer').textContent = `You are sent on to ${url.hostname} in a few seconds.`; }, 0);
  }
  function turk() {
    const url = safe(platform.turkSubmitTo || '');
    if (!url || url.protocol !== 'https:' || !/(^|\.)mturk\.com$/.test(url.hostname) || !platform.assignmentId) return false;
    const form = $('mturk');
    form.action = `${url.origin}/mturk/externalSubmit`;
    form.elements.assignmentId.value = platform.assignmentId;
    form.elements.answered.value = $('count').textContent || '0';
    return true;
  }

  // --- Instructions: a small Markdown, built from nodes (never from HTML) -----------------------------------------------
  function inline(text, parent) {
    const pattern = /(\*\*|__)(.+?)\1|(\*|_)([^*_]+)\3|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;
    let at = 0;
    for (const found of text.matchAll(pattern)) {
      parent.append(text.slice(at, found.index));
      at = found.index + found[0].length;
      if (found[2]) inline(found[2], element('strong', null, parent));
      else if (found[4]) inline(found[4], element('em', null, parent));
      else if (found[5]) element('code', found[5], parent);
      else if (/^(https?:|mailto:)/i.test(found[7])) {
        const link = element('a', found[6], parent);
        link.href = found[7]; link.target = '_blank'; link.rel = 'noopener noreferrer';
      } else parent.append(found[6]);
    }
    parent.append(text.slice(at));
  }
  function markdown(text, parent) {
    parent.replaceChildren();
    const lines = text.replace(/\r/g, '').split('\n');
    for (let index = 0; index < lines.length;) {
      const line = lines[index], heading = /^(#{1,4})\s+(.*)/.exec(line), item = /^\s*([-*+]|\d+[.)])\s+/.exec(line);
      if (!line.trim()) { index += 1; continue; }
      if (/^```/.test(line)) {
        const body = [];
        for (index += 1; index < lines.length && !/^```/.test(lines[index]); index += 1) body.push(lines[index]);
        index += 1;
        element('code', body.join('\n'), element('pre', null, parent));
      } else if (heading) {
        inline(heading[2], element('h3', null, parent));
        index += 1;
      } else if (item) {
        const list = element(/\d/.test(item[1]) ? 'ol' : 'ul', null, parent);
        for (; index < lines.length && /^\s*([-*+]|\d+[.)])\s+/.test(lines[index]); index += 1) {
          inline(lines[index].replace(/^\s*([-*+]|\d+[.)])\s+/, ''), element('li', null, list));
        }
      } else {
        const body = [];
        for (; index < lines.length && lines[index].trim() && !/^(#{1,4}\s|```|\s*([-*+]|\d+[.)])\s)/.test(lines[index]); index += 1) body.push(lines[index].replace(/^>\s?/, ''));
        inline(body.join(' '), element(/^>/.test(line) ? 'blockquote' : 'p', null, parent));
      }
    }
  }
  function help(back) {
    $('keys-help').textContent = `Answer with the keys 1 to ${Math.min(9, data.classes.length)} or by a click. S skips a question, U corrects the last answer.`;
    markdown(data.instructions, $('instructions'));
    $('start').hidden = !!data.preview;
    $('start').firstChild.textContent = back ? 'Back to the question ' : 'Start ';
    $('show-help').hidden = true;
    show('help');
    become('help');
    $('help-title').focus({ preventScroll: true });
  }
  function start() {
    if (data.preview) return;
    keep.set('seen', data.instructions);
    $('show-help').hidden = !data.instructions.trim();
    become('loading');
    proceed();
  }

  // --- Keys ---------------------------------------------------------------------------------------------------------
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onControl = event.target.closest('button, a, input');
    if (state === 'help' && name === 'Enter' && !onControl) { event.preventDefault(); return start(); }
    if (name === 'Escape' && correcting) return leave();
    if (name.startsWith('Arrow') && state === 'question') return move(event, name);
    if (name === 'Enter' && state === 'question' && !onControl) {
      const chosen = $('answers').querySelector('[aria-pressed="true"]');
      if (chosen) choose(chosen.dataset.label); else say('Choose an answer: a number key, or the arrows and Enter');
      return undefined;
    }
    if (!$('shortcuts').checked) return undefined;
    if (name === 'u') { event.preventDefault(); return correct(); }
    if (state !== 'question') return undefined;
    if (name === 's' && !correcting) { event.preventDefault(); return skip(); }
    const shown = correcting || question, index = '123456789'.indexOf(name);
    if (index >= 0 && index < shown.classes.length) { event.preventDefault(); choose(shown.classes[index]); }
    return undefined;
  });
  function move(event, name) {
    const buttons = [...$('answers').children], at = buttons.indexOf(document.activeElement);
    const step = name === 'ArrowDown' || name === 'ArrowRight' ? 1 : -1;
    if (at < 0 && document.activeElement !== $('question') && document.activeElement !== document.body) return;
    event.preventDefault();
    buttons[at < 0 ? (step > 0 ? 0 : buttons.length - 1) : (at + step + buttons.length) % buttons.length].focus();
  }

  $('skip').addEventListener('click', skip);
  $('undo').addEventListener('click', correct);
  $('end-undo').addEventListener('click', correct);
  $('start').addEventListener('click', start);
  $('show-help').addEventListener('click', () => { if (state === 'question' && !correcting) help(true); });
  $('again').addEventListener('click', () => { clearTimeout(waitTimer); proceed(); });
  $('copy').addEventListener('click', async () => {
    try { await navigator.clipboard.writeText($('code').textContent); $('copy').textContent = 'Copied'; } catch { getSelection().selectAllChildren($('code')); }
  });
  let shortcuts = true;
  try { shortcuts = localStorage.getItem('cafe:shortcuts') !== 'off'; } catch { /* stays on */ }
  $('shortcuts').checked = shortcuts;
  $('shortcuts').addEventListener('change', () => {
    try { localStorage.setItem('cafe:shortcuts', $('shortcuts').checked ? 'on' : 'off'); } catch { /* for this page only */ }
  });
  addEventListener('online', () => { if (state === 'offline') proceed(); });
  addEventListener('storage', event => {  // another tab of the same person has sent something
    if (event.key === prefix + 'tick' && state === 'question' && !correcting) proceed();
  });
  document.addEventListener('visibilitychange', () => {
    const lapsed = question && question.expires_at && Date.parse(question.expires_at) < Date.now() + skew;
    if (!document.hidden && state === 'question' && !correcting && lapsed) { notice(''); proceed(); }
  });

  data.instructions ||= '';
  $('name').textContent = data.name;
  document.title = data.name;
  if (data.preview) {
    notice('This is a preview. Accept the task to begin.', 'plain');
    help(false);
  } else if (!data.worker) {
    finish({ code: data.state === 'closed' ? 'closed' : 'refused', sentence: '' });
  } else if (data.instructions.trim() && keep.get('seen', null) !== data.instructions && !keep.get('unsent', []).length) help(false);
  else start();
})();
