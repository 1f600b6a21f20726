<?php
// Reader: PHP's mailparse.
// Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
// opens a file: SIGNS (readers.ts) has the signs of it.
error_reporting(0);

$signs = array_map(function ($line) {
    [$kind, $hex] = explode(' ', $line);
    return [$kind, hex2bin($hex)];
}, file(getenv('SIGNS'), FILE_IGNORE_NEW_LINES));

function holds(string $file): bool
{
    global $signs;
    foreach ($signs as [$kind, $sign]) {
        if ($kind === 'is' ? $file === $sign : str_contains($file, $sign)) return true;
    }
    return false;
}

function opens(string $raw): bool
{
    $mail = mailparse_msg_create();
    mailparse_msg_parse($mail, $raw);
    $found = false;
    foreach (mailparse_msg_get_structure($mail) as $section) {
        $part = mailparse_msg_get_part($mail, $section);
        $about = mailparse_msg_get_part_data($part);
        if (str_starts_with($about['content-type'] ?? '', 'multipart/')) continue;
        $content = mailparse_msg_extract_part($part, $raw, null);
        if (is_string($content) && holds($content)) $found = true;
    }
    mailparse_msg_free($mail);
    if ($found) return true;
    $stream = fopen('php://temp', 'r+');
    fwrite($stream, $raw);
    rewind($stream);
    foreach (mailparse_uudecode_all($stream) ?: [] as $file) {
        if (holds(file_get_contents($file['filename']))) $found = true;
        unlink($file['filename']);
    }
    return $found;
}

while (strlen($head = stream_get_contents(STDIN, 4)) === 4) {
    $length = unpack('N', $head)[1];
    $raw = $length > 0 ? stream_get_contents(STDIN, $length) : '';
    try {
        $found = opens($raw);
    } catch (Throwable) {
        $found = false;
    }
    fwrite(STDOUT, $found ? "\1" : "\0");
}
