# Readers: MIME::Parser, which decodes uuencode, too, and Email::MIME.
# Input: messages, each behind its length in four bytes. Output: for each a byte, a bit a
# reader, set where it opens a file: SIGNS (readers.ts) has the signs of it.
use strict;
use warnings;
use MIME::Parser;
use Email::MIME;

open(my $signs, '<', $ENV{SIGNS}) or die "$ENV{SIGNS}: $!";
my @signs = map { my ($kind, $hex) = split; [$kind, pack('H*', $hex)] } <$signs>;
binmode STDIN;
binmode STDOUT;
$| = 1;
$SIG{__WARN__} = sub { };

sub holds {
    my ($file) = @_;
    utf8::downgrade($file, 1);
    for my $sign (@signs) {
        my ($kind, $bytes) = @$sign;
        return 1 if $kind eq 'is' ? $file eq $bytes : index($file, $bytes) >= 0;
    }
    return 0;
}

sub in_entity {
    my ($entity) = @_;
    my $body = $entity->bodyhandle;
    return 1 if $body && holds($body->as_string);
    in_entity($_) && return 1 for $entity->parts;
    return 0;
}

sub mime_parser_opens {
    my ($raw) = @_;
    my $parser = MIME::Parser->new;
    $parser->output_to_core(1);
    $parser->tmp_to_core(1);
    $parser->extract_uuencode(1);
    $parser->extract_nested_messages(1);
    $parser->ignore_errors(1);
    my $entity = $parser->parse_data($raw);
    return $entity && in_entity($entity);
}

sub email_mime_opens {
    my ($raw, $depth) = @_;
    return 0 if $depth > 30;
    my $found = 0;
    Email::MIME->new($raw)->walk_parts(sub {
        my ($part) = @_;
        return if $found || $part->subparts;
        my $body = $part->body;
        $found = 1 if holds($body);
        $found ||= email_mime_opens($body, $depth + 1) if ($part->content_type // '') =~ m{^\s*message/}i;
    });
    return $found;
}

while (read(STDIN, my $head, 4) == 4) {
    my $raw = '';
    my $length = unpack('N', $head);
    while (length $raw < $length) {
        last unless read(STDIN, $raw, $length - length $raw, length $raw);
    }
    my $bits = 0;
    $bits |= 1 if eval { mime_parser_opens($raw) };
    $bits |= 2 if eval { email_mime_opens($raw, 0) };
    print chr $bits;
}
