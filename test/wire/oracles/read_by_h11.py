"""Reads responses by h11: a line of JSON for each, and a line of JSON in answer."""
import json
import sys

import h11


def text(raw):
    return bytes(raw).decode('latin-1')


def lines_of(headers):
    out = []
    for name, value in headers.raw_items() if hasattr(headers, 'raw_items') else headers:
        out += [text(name).lower(), text(value)]
    return out


def ask(method, upgrade):
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=16384)
    headers = [('Host', 'oracle.test')]
    if upgrade:
        headers += [('Connection', 'upgrade'), ('Upgrade', 'websocket')]
    connection.send(h11.Request(method=method, target='/', headers=headers))
    connection.send(h11.EndOfMessage())
    return connection


class Reading:
    def __init__(self, method, upgrade):
        self.connection = ask(method, upgrade)
        self.messages = []
        self.refused = None
        self.over = False
        self.tunnel = False

    def feed(self, data):
        if self.over:
            if self.tunnel:
                self.messages[-1]['body'] += text(data)
            return
        try:
            self.connection.receive_data(data)
            while not self.over and self.next():
                pass
        except h11.RemoteProtocolError as error:
            self.refused = str(error)
            self.over = True

    def next(self):
        event = self.connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            # A response that switches protocols has no end of its own.
            if self.connection.their_state is h11.SWITCHED_PROTOCOL:
                self.finish(upgraded=True)
                self.tunnel = True
                self.messages[-1]['body'] = text(self.connection.trailing_data[0])
            return False
        if isinstance(event, h11.InformationalResponse):
            self.begin(event)
            self.messages[-1]['whole'] = True
            return True
        if isinstance(event, h11.Response):
            self.begin(event)
            return True
        if isinstance(event, h11.Data):
            self.messages[-1]['body'] += text(event.data)
            return True
        if isinstance(event, h11.EndOfMessage):
            self.messages[-1]['trailers'] = lines_of(event.headers)
            self.finish(upgraded=self.connection.their_state is h11.SWITCHED_PROTOCOL)
            if self.connection.their_state is h11.SWITCHED_PROTOCOL:
                self.tunnel = True
                self.messages[-1]['body'] = text(self.connection.trailing_data[0])
            return True
        # The end of the connection, in front of a response.
        if not self.messages or not self.messages[-1]['whole'] or self.messages[-1]['status'] < 200:
            self.refused = 'the connection ended'
        self.over = True
        return False

    def begin(self, event):
        self.messages.append({
            'status': event.status_code, 'lines': lines_of(event.headers), 'body': '', 'trailers': [],
            'upgraded': False, 'whole': False, 'keepAlive': None
        })

    def finish(self, upgraded):
        self.messages[-1]['whole'] = True
        self.messages[-1]['upgraded'] = upgraded
        self.messages[-1]['keepAlive'] = self.connection.their_state is h11.DONE
        self.over = True


for line in sys.stdin:
    asked = json.loads(line)
    reading = Reading(asked['method'], asked['upgrade'])
    for piece in asked['pieces']:
        data = piece.encode('latin-1')
        # To h11 no bytes are the end of the connection.
        if data:
            reading.feed(data)
    if asked['end'] == 'fin' and not reading.over:
        reading.feed(b'')
    print(json.dumps({'messages': reading.messages, 'refused': reading.refused}), flush=True)
