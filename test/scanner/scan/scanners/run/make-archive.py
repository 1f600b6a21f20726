# Writes an archive to stdout: python3 make-archive.py KIND, with the files as JSON on stdin: a list of
# [name, content in base64, times that it stands there].
import base64, gzip, io, json, sys, tarfile, zipfile

kind = sys.argv[1]
files = [(name, base64.b64decode(content) * times) for name, content, times in json.load(sys.stdin)]
out = io.BytesIO()


class Stream(io.RawIOBase):
    """What cannot go back, so that sizes stand behind the files."""

    def writable(self):
        return True

    def write(self, data):
        out.write(data)
        return len(data)


if kind in ('zip', 'streamed zip', 'bzip2 in zip'):
    method = zipfile.ZIP_BZIP2 if kind == 'bzip2 in zip' else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(Stream() if kind == 'streamed zip' else out, 'w', method) as archive:
        for name, content in files:
            archive.writestr(name, content)
elif kind in ('tar', 'tar.gz'):
    with tarfile.open(fileobj=out, mode='w:gz' if kind == 'tar.gz' else 'w') as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
else:
    assert kind == 'gz'
    for name, content in files:
        out.write(gzip.compress(content))
sys.stdout.buffer.write(out.getvalue())
