"""How a request ends: with a reply of our own, with the server's through, or cut off. The books are closed once.

Pages come from the backend, the frontend or the built-in set; errors found below the rules go out as fixed texts (pages).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t, int64_t
from libc.string cimport memmove
from haproxy_py.engine.conn cimport IO_AGAIN
from haproxy_py.engine.http1 cimport B_CHUNKED
from haproxy_py.engine.message cimport Head, HF_CONN_CLOSE, HF_CONN_KEEPALIVE, M_HEAD
from haproxy_py.engine.reactor cimport set_deadline
from haproxy_py.engine.reply cimport Reply
from haproxy_py.engine.shm cimport gauge_down
from haproxy_py.engine.txn cimport TERM_NONE, V_CONTINUE, V_ERROR
from haproxy_py.rules.vars cimport vars_end_request
from haproxy_py.stream.channel cimport chan_flush, chan_frame, chan_init, chan_release
from haproxy_py.stream.conf cimport HttpConf, MODE_CLOSE
from haproxy_py.stream.forward cimport body_size, counted_size, say_connection
from haproxy_py.stream.log cimport log_stream
from haproxy_py.stream.pages cimport raw_page
from haproxy_py.stream.relay cimport Relay, ST_DONE, ST_REPLY, ST_TARPIT, ST_TUNNEL
from haproxy_py.stream.session cimport Session
from haproxy_py.stream.stats cimport count_phases, count_request, count_status, count_time
from backends.backend cimport Backend
from backends.server cimport Server, ServerConn

from haproxy_py.engine.reply import builtin


cdef class HttpAnswer(Relay):
    """Ends of an HTTP stream."""

    cdef HttpConf back_conf(self):
        return <HttpConf>self.backend.conf

    cdef void fail(self, int status, uint8_t cause, uint8_t state) noexcept:
        self.term_cause = cause
        self.term_state = state
        self.answer(self.page_of(status))

    cdef Reply page_of(self, int status):
        """The page of a status: the backend's, once one is chosen, else the frontend's, else the built-in one."""
        if self.backend is not None and self.back_conf().errors is not None and status in self.back_conf().errors:
            return self.back_conf().page(status)
        return self.front.httpconf.page(status)

    cdef void answer(self, Reply reply) noexcept:
        """Send a reply of our own. The connection goes on if the request is here whole and the client wants it to."""
        cdef Session s = self.session
        cdef Head q = self.req
        cdef int64_t n = -1
        cdef uint64_t counted = self.counted_out
        if self.rs.head_off < self.rs.head_end and not self.own_reply:
            self.rs.off = self.rs.end                # interim replies go first, of the server's last one nothing
            if chan_flush(&self.rs, s) <= 0:
                self.cut(c'C', c'H')                 # one of them is stuck half way: nothing may follow it
                return
        if reply.raw:
            self.status = reply.logged
            count_status(self.fe.mine, reply.logged)
            if self.counted_be:
                count_status(self.be.mine, reply.logged)
            self.send_raw(reply.body, reply.logged)
            return
        self.state_before = self.state
        self.state = ST_REPLY
        self.own_reply = True
        self.status = reply.logged
        if self.res is None:
            self.res = self.worker.take_head()
        else:
            self.res.clear()
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        self.keep_client = (self.rq.body.done and self.front.httpconf.mode != MODE_CLOSE and not self.reply_close
                            and not reply.closes and not self.worker.closes_now()
                            and (q.flags & HF_CONN_KEEPALIVE or (q.version == 11 and not q.flags & HF_CONN_CLOSE)))
        reply.fill(self.res)
        if self.reply_fields is not None:
            for name, value in self.reply_fields:
                self.res.add(<const char *>name, <uint32_t>len(name), <const char *>value, <uint32_t>len(value))
        if not self.run_after_rules():
            self.state = self.state_before
            self.reply_fields = None
            self.answer(self.page_of(500))
            return
        self.counted_out += counted_size(self.res, True) + <uint32_t>reply.unsent
        if self.reply_close:
            self.counted_out += 15                   # its "connection: close" is part of the reply
        if self.state_before != ST_TARPIT:
            say_connection(self.res, self.keep_client, q.version == 10)
        if self.state_before == ST_TARPIT:
            self.keep_client = False                 # the end comes without having been announced
        self.rs.head = self.worker.buffers.take()
        if self.rs.head != NULL:
            n = self.res.write_response(self.rs.head, self.worker.buffers.size)
        if n < 0:
            self.counted_out = counted
            self.answer_instead(reply)
            return
        self.rs.head_end = <uint32_t>n
        self.rs.body.done = 1
        if q.method != M_HEAD:
            self.reply_body = reply.body
            self.rs.buf = PyBytes_AS_STRING(self.reply_body)
            self.rs.end = self.rs.raw = <uint32_t>PyBytes_GET_SIZE(self.reply_body)
            self.counted_out += self.rs.end
        count_status(self.fe.mine, reply.logged)
        if self.counted_be:
            count_status(self.be.mine, reply.logged)
        self.send_answer()

    cdef void answer_instead(self, Reply reply) noexcept:
        """The head of a reply of ours does not fit a buffer: a page, or nothing when that was one."""
        if self.rs.head == NULL or self.reply_fails:
            self.cut(c'R', self.term_state)
            return
        self.reply_fails = True
        self.count_internal_error()
        self.reply_fields = None
        self.head_us = 0
        self.term_cause = c'I' if 300 <= reply.status < 400 else c'P'
        self.answer(self.page_of(500))

    cdef bint run_after_rules(self) noexcept:
        """The http-after-response rules of both; they see the reply that is in `res`, ours or a service's.

        False: a rewrite failed. The page of 500 goes in its place, through the rules as well unless they fail there, too.
        """
        cdef int cursor = 0, v = V_CONTINUE
        cdef bint seen = self.res_seen
        if self.after_failures >= 2:
            return True
        self.res_seen = True
        if self.backend is not None and self.backend.http_after is not None:
            v = self.backend.http_after.run(self, &cursor)
        cursor = 0
        if v != V_ERROR and self.front.http_after is not None:
            v = self.front.http_after.run(self, &cursor)
        self.res_seen = seen
        self.after_failures += v == V_ERROR
        return v != V_ERROR

    cdef int counters_of(self, Counters **found) noexcept:
        """The counters of all who have a part in this stream: frontend, backend, server, bind line. How many, at most 4."""
        cdef int n = 1
        found[0] = self.fe.mine
        if self.counted_be:
            found[n] = self.be.mine
            n += 1
        if self.srv is not None:
            found[n] = self.srv.mine
            n += 1
        if self.session.door.counts is not None:
            found[n] = self.session.door.counts.mine
            n += 1
        return n

    cdef void rewrite_failed(self) noexcept:
        cdef Counters *found[4]
        cdef int i
        for i in range(self.counters_of(found)):
            found[i].wrew += 1

    cdef void count_internal_error(self) noexcept:
        cdef Counters *found[4]
        cdef int i
        for i in range(self.counters_of(found)):
            found[i].eint += 1

    cdef void raw_answer(self, int status) noexcept:
        """An error found while reading: HAProxy answers it below the rules, with a fixed text, and closes."""
        cdef Reply page = self.front.httpconf.page(status)
        self.status = status
        count_status(self.fe.mine, status)
        if not self.req_seen:
            count_request(self.fe.mine, &self.fe.shared.rate_max, self.worker.reactor.clock_us // 1000000)
        if page.raw and not page.body:
            self.finish_session()                    # errorfile CODE /dev/null: not a word
        else:
            self.send_raw(raw_page(<Reply>builtin(status)), status)

    cdef void send_raw(self, bytes text, int status) noexcept:
        self.state = ST_REPLY
        self.own_reply = True
        self.keep_client = False
        chan_release(&self.rs, self.worker)
        chan_init(&self.rs)
        self.rs.body.done = 1
        self.counted_out = 0
        self.reply_body = text
        self.rs.buf = PyBytes_AS_STRING(text)
        self.rs.end = self.rs.raw = <uint32_t>PyBytes_GET_SIZE(text)
        self.send_answer()

    cdef void send_answer(self) noexcept:
        cdef Session s = self.session
        cdef int r = chan_flush(&self.rs, s)
        if r == 0:
            if self.front.timeout_client:
                set_deadline(s.reactor, s, s.reactor.now_ms + self.front.timeout_client)
        elif r < 0:
            self.cut(c'C' if self.term_cause == TERM_NONE else self.term_cause, c'D')
        else:
            self.complete()

    cdef void cut(self, uint8_t cause, uint8_t state) noexcept:
        """Close both sides without another byte: what was sent so far is all there is."""
        cdef Session s = self.session
        if self.state == ST_DONE:
            return
        if self.term_cause == TERM_NONE:
            self.term_cause = cause
            self.term_state = state
        self.drop_server(True)
        self.keep_client = False
        self.finish_session()

    cdef void finish_session(self) noexcept:
        cdef Session s = self.session
        s.owes_body = not self.rq.body.done
        self.close_books()
        s.requests += 1
        s.finish(False)

    cdef void part_from_server(self) noexcept:
        """Both messages are through: the connection goes to the pool, to its session, or is closed."""
        cdef ServerConn c = self.sconn
        self.sconn = None                            # not self.server: the log line tells its addresses
        if c is None:
            return
        if not self.keep_server or self.rs.raw > self.rs.end or not self.quiet(c):
            c.discard(self.state != ST_TUNNEL or self.backend.nolinger)
        elif c.private:
            c.user = None
            c.timer.deadline = 0
            self.session.own = c
        else:
            self.target.give_idle(c)

    cdef void complete(self) noexcept:
        """Reply and request are through."""
        cdef Session s = self.session
        self.part_from_server()
        if not self.keep_client:
            self.finish_session()
            return
        self.close_books()
        if self.rq.raw > self.rq.end:
            memmove(s.buf, s.buf + self.rq.end, self.rq.raw - self.rq.end)
        s.have = self.rq.raw - self.rq.end
        s.next_request()

    cdef bint quiet(self, ServerConn c) noexcept:
        """Whether nothing came behind the reply; surplus bytes or an end mean that the connection is not used again."""
        cdef char surplus[16]
        return not c.has_pending() or c.recv(surplus, sizeof(surplus)) == IO_AGAIN

    cdef void write_log(self) noexcept:
        if not self.logged:
            self.logged = True
            self.bytes_in = self.in_bytes()
            self.bytes_out = self.out_bytes()
            log_stream(self, self.front)

    cdef uint64_t in_bytes(self) noexcept:
        """Request bytes so far, as HAProxy counts them."""
        return self.counted_in + body_size(&self.rq.body)

    cdef uint64_t out_bytes(self) noexcept:
        """Reply bytes so far, as HAProxy counts them."""
        return self.counted_out if self.own_reply else self.counted_out + body_size(&self.rs.body)

    cdef void close_books(self) noexcept:
        """Log line, counters, gauges, pooled memory. The stream is over."""
        cdef Backend b = self.backend
        cdef Server t = None
        cdef uint64_t bin, bout
        if self.state == ST_DONE:
            return
        self.state = ST_DONE
        self.done_us = self.worker.reactor.now_us
        if self.status < 0 and self.req_seen:
            count_status(self.fe.mine, 0)                        # ended without a word
            if self.counted_be:
                count_status(self.be.mine, 0)
        bin = self.in_bytes()
        bout = self.out_bytes()
        self.fe.mine.bin += bin
        self.fe.mine.bout += bout
        self.fe.mine.streams -= 1
        self.fe.mine.wire_in += self.head_length + self.rq.body.payload
        self.fe.mine.wire_out += self.rs.sent
        if self.session.door.counts is not None:
            self.session.door.count_end(self, bin, bout)
        if b is not None:
            self.be.mine.bin += bin
            self.be.mine.bout += bout
            self.be.mine.wire_in += self.rs.received
            self.be.mine.wire_out += self.rq.sent
            if self.srv is not None:
                self.srv.mine.bin += bin
                self.srv.mine.bout += bout
                if self.response_us and self.head_us:
                    self.add_times()
            gauge_down(&b.slot.shared.scur, &b.slot.mine.scur)
            t = b.give_back(self)
        elif self.front.twin is not None:
            self.front.twin.mine.bin += bin                      # a listen answers for both of its halves
            self.front.twin.mine.bout += bout
        if self.front.log is not None:
            self.write_log()
        if t is not None:
            b.serve_freed(t, True)
        chan_release(&self.rq, self.worker)
        chan_release(&self.rs, self.worker)
        if self.vars is not None:
            vars_end_request(self)
            self.session.sess_vars = self.vars
        self.worker.give_head(self.req)
        if self.res is not None:
            self.worker.give_head(self.res)
            self.res = None

    cdef void add_times(self) noexcept:
        """Behind qtime, ctime, rtime, ttime of the statistics (ms): requests that a server has answered."""
        cdef uint64_t total = self.done_us - (self.request_us or self.head_us)
        cdef uint64_t q = (self.queue_us - self.head_us) // 1000 if self.queue_us > self.head_us else 0
        cdef uint64_t ct = (self.connect_us - self.queue_us) // 1000 if self.connect_us > self.queue_us else 0
        cdef uint64_t rt = (self.response_us - self.connect_us) // 1000 if self.response_us > self.connect_us else 0
        count_phases(self.srv.mine, q, ct, rt, total // 1000)
        count_phases(self.be.mine, q, ct, rt, total // 1000)
        count_time(self.fe.mine, total)
        count_time(self.be.mine, total)
        count_time(self.srv.mine, total)

    cdef void refuse_silently(self, uint8_t cause, uint8_t state) noexcept:
        """The client left before its request was whole: the books say 400, nobody is there to be told."""
        cdef Reply page = self.front.httpconf.page(400)
        self.drop_server(True)
        self.status = 400
        count_status(self.fe.mine, 400)
        if self.counted_be:
            count_status(self.be.mine, 400)
        if self.res is None:
            self.res = self.worker.take_head()
        page.fill(self.res)
        self.own_reply = True
        self.counted_out += counted_size(self.res, True) + len(page.body) + 15
        self.cut(cause, state)

    cdef void leave_reply(self) noexcept:
        """A rule answers in the server's place. What came of its body counts as sent (HAProxy has it in its buffer); when
        that is all of it, the connection serves others."""
        if chan_frame(&self.rs) >= 0:
            self.counted_out += self.rs.body.payload + self.rs.body.counted
            if self.rs.body.done and self.rs.raw == self.rs.end and self.rq_done:
                self.part_from_server()
        self.drop_server(True)
        self.res_seen = False
