(function () {
  "use strict";
  var body = document.body, url = body.dataset.live, every = 2000, keep = 150, timer = 0, live = true, fails = 0;
  var $ = function (id) { return document.getElementById(id); };
  var rows = {}, history = {}, last = {};
  document.querySelectorAll("tr.row").forEach(function (tr) { rows[tr.dataset.k] = tr; });
  document.querySelector(".bar").hidden = false;

  function group(n) { return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f"); }
  function size(n) {
    var units = ["", "k", "M", "G", "T", "P"], i = 0;
    while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
    return (i && n < 100 ? n.toFixed(1) : n.toFixed(0)) + units[i];
  }
  function span(s) {
    if (s < 0) { return "?"; }
    var p = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "m"], [s % 60, "s"]];
    var i = p.findIndex(function (x) { return x[0]; });
    if (i < 0) { i = 3; }
    return p.slice(i, i + 2).map(function (x) { return x[0] + x[1]; }).join("");
  }
  function csv(text) {
    var out = [], row = [], cell = "", quoted = false;
    for (var i = 0; i < text.length; i++) {
      var c = text[i];
      if (quoted) {
        if (c !== '"') { cell += c; } else if (text[i + 1] === '"') { cell += c; i++; } else { quoted = false; }
      } else if (c === '"') { quoted = true; } else if (c === ",") { row.push(cell); cell = ""; } else if (c === "\n") {
        if (row.length) { out.push(row); }
        row = []; cell = "";
      } else { cell += c; }
    }
    return out;
  }
  function stateOf(type, status) {
    var word = status.split(" "), rest = word[1];
    if (type === "0" || type === "3") { return status === "OPEN" ? "up" : "down"; }
    if (type === "1") { return word[0] === "UP" ? "up" : "down"; }
    if (word[0] === "UP") { return rest ? "going-down" : "up"; }
    if (word[0] === "DOWN") { return rest && rest[0] !== "(" ? "going-up" : "down"; }
    return { NOLB: "nolb", DRAIN: "drain", MAINT: "maint" }[word[0]] || "nocheck";
  }
  function shown(f, v) {
    if (f === "bin" || f === "bout") { return size(+v[f] || 0); }
    if (f === "lastsess" || f === "downtime") { return v[f] === "" ? "" : span(+v[f]); }
    if (f === "status") { return v.status; }
    if (f === "weight") { return group(v.weight) + "/" + group(v.uweight); }
    if (f === "throttle") { return v.throttle === "" ? (v.type === "2" ? "-" : "") : v.throttle + "%"; }
    if (f === "check_status") {
      return ["check", "agent"].filter(function (p) { return v[p + "_status"]; }).map(function (p) {
        return v[p + "_status"] + (v[p + "_code"] ? "/" + v[p + "_code"] : "") + (v[p + "_duration"] ? " in " + v[p + "_duration"] + "ms" : "");
      }).join(" ");
    }
    return /^\d+$/.test(v[f]) ? group(v[f]) : v[f];
  }
  function update(tr, v) {
    var state = stateOf(v.type, v.status);
    if (tr.dataset.s !== state) {
      tr.classList.replace("s-" + tr.dataset.s, "s-" + state);
      tr.dataset.s = state;
      tr.classList.add("changed");
    }
    tr.querySelectorAll("td[data-f]").forEach(function (td) {
      var text = shown(td.dataset.f, v), at = td.querySelector(".tip > b, .pill") || td, since = td.dataset.f === "status" && td.querySelector("small");
      if (at.textContent !== text) { at.textContent = text; }
      if (since) { since.textContent = v.lastchg === "" ? "" : span(+v.lastchg); }
      td.classList.toggle("z", text === "0");
    });
  }
  function line(values, kind) {
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), top = Math.max.apply(null, values.concat(1)), n = values.length, wide = Math.max(10, n) - 1;
    svg.setAttribute("class", "line" + (kind ? " " + kind : ""));
    svg.setAttribute("viewBox", "0 0 100 20");
    svg.setAttribute("preserveAspectRatio", "none");
    var d = values.map(function (y, i) {
      return (i ? "L" : "M") + (100 - (n - 1 - i) * 100 / wide).toFixed(1) + " " + (19 - 18 * y / top).toFixed(1);
    }).join("");
    [["area", d + "L100 20L" + (100 - (n - 1) * 100 / wide).toFixed(1) + " 20Z"], ["", d]].forEach(function (p) {
      var path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", p[1]);
      if (p[0]) { path.setAttribute("class", p[0]); }
      svg.appendChild(path);
    });
    return svg;
  }
  function note(key, v, now) {
    var h = history[key] || (history[key] = { s: [], r: [], e: [], t: [] }), was = last[key];
    var errors = ["ereq", "econ", "eresp", "hrsp_5xx"].reduce(function (a, f) { return a + (+v[f] || 0); }, 0);
    var add = { s: +v.scur || 0, r: +(v.req_rate || v.rate) || 0, e: was ? Math.max(0, errors - was[0]) * 1000 / Math.max(1, now - was[1]) : 0, t: +v.ttime || 0 };
    last[key] = [errors, now];
    Object.keys(h).forEach(function (k) { h[k].push(add[k]); if (h[k].length > keep) { h[k].shift(); } });
    return h;
  }
  function seen(tr) { var box = tr.getBoundingClientRect(); return box.bottom > -200 && box.top < innerHeight + 200; }
  function sparks(section, h) {
    var at = section.querySelector(".sparks"), words = { s: "sessions", r: "rate/s", e: "errors/s", t: "time ms" };
    at.hidden = false;
    at.textContent = "";
    Object.keys(words).forEach(function (k) {
      var one = document.createElement("span"), b = document.createElement("b"), v = h[k][h[k].length - 1];
      b.textContent = k === "e" ? v.toFixed(v && v < 10 ? 1 : 0) : group(v);
      one.append(words[k] + " ", b, " ", line(h[k], k));
      at.appendChild(one);
    });
  }
  var sums = null;
  function sum(v) {
    var n = function (f) { return +v[f] || 0; };
    if (v.type === "0") { sums.s += n("scur"); sums.r += n("req_rate") || n("rate"); sums.i += n("bin"); sums.o += n("bout"); sums.e += n("ereq"); }
    if (v.type === "1") { sums.e += n("econ") + n("eresp"); sums.q += n("qcur"); }
    if (v.type === "2") {
      var state = stateOf(v.type, v.status), good = { up: 1, "going-down": 1, nocheck: 1, nolb: 1 }[state];
      sums.all++;
      if (good) { sums.up++; } else { sums.not[state] = (sums.not[state] || 0) + 1; }
    }
  }
  function tile(name, value, more, values, kind) {
    var at = document.createElement("div"), h = document.createElement("h3"), p = document.createElement("p"), small = document.createElement("small");
    at.className = "tile" + (kind === "alarm" ? " alarm" : "");
    h.textContent = name; p.textContent = value; small.textContent = more;
    p.append(small);
    at.append(h, p);
    if (values) { at.appendChild(line(values, kind)); }
    return at;
  }
  function tiles(now) {
    var h = history["*"] || (history["*"] = { s: [], r: [], e: [], i: [], o: [] }), was = last["*"], gone = was ? Math.max(1, now - was.at) / 1000 : 0;
    var per = function (k) { return was ? Math.max(0, sums[k] - was[k]) / gone : 0; };
    var add = { s: sums.s, r: sums.r, e: per("e"), i: per("i"), o: per("o") };
    Object.keys(add).forEach(function (k) { h[k].push(add[k]); if (h[k].length > keep) { h[k].shift(); } });
    last["*"] = { at: now, e: sums.e, i: sums.i, o: sums.o };
    var not = Object.keys(sums.not).map(function (k) { return sums.not[k] + " " + (k === "going-up" ? "down" : k); }).join(", ");
    var down = sums.not.down || sums.not["going-up"], highest = "highest " + group(Math.max.apply(null, h.r)), at = $("tiles");
    at.textContent = "";
    at.append(
      tile("Servers up", sums.up + " / " + sums.all, not, null, down ? "alarm" : ""), tile("Sessions", group(sums.s), sums.q ? group(sums.q) + " queued" : "", h.s),
      tile("Requests / s", group(sums.r), highest, h.r), tile("Errors / s", add.e.toFixed(add.e && add.e < 10 ? 1 : 0), "", h.e, "e"),
      tile("In, bytes / s", size(add.i), "", h.i), tile("Out, bytes / s", size(add.o), "", h.o)
    );
    at.hidden = false;
    document.querySelectorAll(".facts [data-n=connections], .facts [data-n=traffic]").forEach(function (each) { each.classList.add("still"); });
    var facts = document.querySelector(".facts"), s = Math.floor(+facts.dataset.up + performance.now() / 1000), two = function (n) { return (n < 10 ? "0" : "") + n; };
    facts.querySelector("[data-n=uptime] dd").textContent = Math.floor(s / 86400) + "d " + Math.floor(s / 3600) % 24 + "h" + two(Math.floor(s / 60) % 60) + "m" + two(s % 60) + "s";
  }
  function take(text) {
    var table = csv(text), names = table.shift(), now = Date.now(), proxies = {};
    names[0] = names[0].replace(/^# /, "");
    sums = { s: 0, r: 0, e: 0, i: 0, o: 0, q: 0, up: 0, all: 0, not: {} };
    table.forEach(function (cells) {
      var v = {};
      names.forEach(function (name, i) { v[name] = cells[i]; });
      var word = { FRONTEND: "Frontend", BACKEND: "Backend" }[v.svname] || v.svname, key = v.pxname + "/" + word, tr = rows[key];
      var h = note(key, v, now);
      sum(v);
      if (v.type === "1" || (v.type === "0" && !proxies[v.pxname])) {
        proxies[v.pxname] = v.type === "1" && proxies[v.pxname] ? { s: proxies[v.pxname].s, r: proxies[v.pxname].r, e: h.e, t: h.t } : h;
      }
      if (!tr || !seen(tr)) { return; }
      update(tr, v);
      var at = tr.querySelector("td.spark");
      at.textContent = "";
      at.appendChild(line(h.r));
    });
    document.querySelectorAll(".proxy").forEach(function (section) {
      if (proxies[section.dataset.p] && seen(section)) { sparks(section, proxies[section.dataset.p]); }
    });
    tiles(now);
    filter();
  }
  function filter() {
    var text = $("q").value.toLowerCase(), state = $("s").value;
    document.querySelectorAll(".proxy").forEach(function (section) {
      var any = false, whole = section.dataset.p.toLowerCase().indexOf(text) >= 0;
      section.querySelectorAll("tr.row").forEach(function (tr) {
        var fits = (whole || tr.dataset.k.toLowerCase().indexOf(text) >= 0) && (!state || tr.dataset.s === state);
        tr.classList.toggle("hide", !fits);
        any = any || fits;
      });
      section.classList.toggle("hide", !any);
    });
  }
  function next(ms) { clearTimeout(timer); if (live) { timer = setTimeout(poll, ms); } }
  function poll() {
    if (document.hidden) { next(every); return; }
    var began = performance.now();
    fetch(url, { credentials: "same-origin", cache: "no-store" }).then(function (r) {
      if (!r.ok) { throw new Error(r.status); }
      return r.text();
    }).then(function (text) {
      fails = 0;
      take(text);
      $("at").textContent = new Date().toLocaleTimeString();
      next(Math.max(every, 4 * (performance.now() - began)));
    }).catch(function (e) {
      fails = Math.min(fails + 1, 5);
      $("at").textContent = "no answer (" + e.message + ")";
      next(every * (1 + fails));
    });
  }
  function place(e) {
    var tip = e.target.closest && e.target.closest(".tip"), box = tip && tip.querySelector(".box");
    if (!box) { return; }
    var at = tip.getBoundingClientRect();
    box.style.left = Math.max(4, Math.min(at.left, innerWidth - box.offsetWidth - 8)) + "px";
    box.style.top = (at.bottom + box.offsetHeight + 8 > innerHeight ? Math.max(4, at.top - box.offsetHeight - 4) : at.bottom + 4) + "px";
  }
  document.addEventListener("mouseover", place);
  document.addEventListener("focusin", place);
  $("q").addEventListener("input", filter);
  $("s").addEventListener("change", filter);
  $("live").addEventListener("click", function () {
    live = !live;
    this.setAttribute("aria-pressed", String(live));
    if (live) { poll(); } else { clearTimeout(timer); }
  });
  $("theme").addEventListener("click", function () {
    var dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("haproxy-theme", document.documentElement.dataset.theme); } catch (e) { /* storage is off */ }
  });
  try { var theme = localStorage.getItem("haproxy-theme"); if (theme) { document.documentElement.dataset.theme = theme; } } catch (e) { /* storage is off */ }
  document.querySelectorAll("form .stats thead .pick").forEach(function (th) {
    var all = document.createElement("input");
    all.type = "checkbox";
    all.title = "all";
    all.addEventListener("change", function () {
      th.closest("form").querySelectorAll("tr.row:not(.hide) input[name=s]").forEach(function (b) { b.checked = all.checked; });
    });
    th.appendChild(all);
  });
  try {
    var kept = JSON.parse(sessionStorage.getItem("haproxy-lines " + url) || "null");
    if (kept && Date.now() - kept.at < 60000) { history = kept.history; last = kept.last; }
  } catch (e) { /* storage is off, or holds something else */ }
  addEventListener("pagehide", function () {
    try {
      if (Object.keys(history).length <= 300) {
        sessionStorage.setItem("haproxy-lines " + url, JSON.stringify({ at: Date.now(), history: history, last: last }));
      }
    } catch (e) { /* storage is off or full */ }
  });
  poll();
})();
