# Readers: Dovecot, which decodes by IMAP's BINARY (RFC 3516), and a client that decodes what
# Dovecot gives, by the structure that it returns.
# PLACE is a directory of this process alone, which the user nobody can enter.
import binascii
import imaplib
import itertools
import os
import re
import shlex
import shutil

from serve import holds, serve

IMAP = '/usr/lib/dovecot/imap'
NOBODY = 65534  # Dovecot serves no mail as root
PARTS_MAX = 200
PLACE = os.environ['PLACE']
MAIL = f'{PLACE}/mail'
CONFIG = f'{PLACE}/dovecot.conf'


def prepare():
    shutil.rmtree(MAIL, ignore_errors=True)
    for folder in ('', '/cur', '/new', '/tmp'):
        os.mkdir(MAIL + folder)
        os.chown(MAIL + folder, NOBODY, NOBODY)
    with open(CONFIG, 'w', encoding='ascii') as config:
        config.write(
            f'base_dir = {PLACE}/run\nstate_dir = {PLACE}/state\nlog_path = {PLACE}/log\n'
            f'mail_location = maildir:{MAIL}:INDEX=MEMORY\nfirst_valid_uid = 0\nssl = no\n'
        )
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    os.environ.update(HOME=PLACE, USER='nobody')


TOKEN = re.compile(rb'[()]|"(?:[^"\\]|\\.)*"|[^\s()"]+')


def tokens(answer):
    for piece in answer:
        text, literal = piece if isinstance(piece, tuple) else (piece, None)
        for token in TOKEN.findall(text if literal is None else text[: text.rindex(b'{')]):
            yield token
        if literal is not None:
            yield b'"' + literal + b'"'


# Nested lists of bytes; strings without their quotes.
def tree(answer):
    stack = [[]]
    for token in tokens(answer):
        if token == b'(':
            stack.append([])
        elif token == b')':
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token[1:-1] if token.startswith(b'"') else token)
    return stack[0]


# Each part that is no multipart: its section, and the encoding in the structure.
def parts(body, above=''):
    if isinstance(body[0], list):
        children = itertools.takewhile(lambda item: isinstance(item, list), body)
        for number, child in enumerate(children, 1):
            yield from parts_at(child, f'{above}{number}')
    else:
        yield from parts_at(body, f'{above}1')


def parts_at(body, section):
    if isinstance(body[0], list):
        yield from parts(body, f'{section}.')
        return
    yield section, body[5].lower()
    if [word.lower() for word in body[:2]] == [b'message', b'rfc822'] and len(body) > 8:
        yield from parts(body[8], f'{section}.')


def decoded(content, encoding):
    try:
        if encoding == b'base64':
            return binascii.a2b_base64(content)
        if encoding == b'quoted-printable':
            return binascii.a2b_qp(content)
    except binascii.Error:
        pass
    return content


class Server:
    def __init__(self):
        self.imap = None
        self.asked = 0

    def section(self, item):
        kind, answer = self.imap.fetch('1', f'({item})')
        found = [piece[1] for piece in answer if isinstance(piece, tuple)] if kind == 'OK' else []
        return found[0] if found else b''

    def read(self, raw):
        if self.imap is None:
            self.imap = imaplib.IMAP4_stream(f'{IMAP} -c {shlex.quote(CONFIG)}')
        self.asked += 1
        path = f'{MAIL}/cur/{self.asked}:2,S'
        with open(path, 'wb') as file:
            file.write(raw)
        try:
            self.imap.select(readonly=True)
            _, answer = self.imap.fetch('1', '(BODYSTRUCTURE)')
            body = tree(answer)[1][1]
            bits = 0
            for section, encoding in itertools.islice(parts(body), PARTS_MAX):
                if holds(self.section(f'BINARY.PEEK[{section}]')):
                    bits |= 1
                if holds(decoded(self.section(f'BODY.PEEK[{section}]'), encoding)):
                    bits |= 2
            return bits
        except Exception:
            self.imap.shutdown()
            self.imap = None
            return 0
        finally:
            os.unlink(path)


prepare()
serve(Server().read)
