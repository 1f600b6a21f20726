#!/usr/bin/perl
# The same as wrapper.sh, as Perl does it: clamd asked over its socket (clamd(8),
# INSTREAM), with modules that come with Perl. CLAMD is clamd's socket,
# QUEUECHAIN the next program.
use strict;
use warnings;
use File::Temp;
use IO::Socket::UNIX;

my $tag   = "X-QHPSI: virus found\n";
my $spool = File::Temp->new(UNLINK => 1) or exit 64;
binmode $spool;
sysseek $spool, length $tag, 0 or exit 53; # room for the tag in front

my $clamd = IO::Socket::UNIX->new(Peer => $ENV{CLAMD}) or exit 56;
$clamd->syswrite("zINSTREAM\0") or exit 56;
open my $message, '<&=', 0 or exit 54;
while (1) {
    my $count = sysread $message, my $piece, 65_536;
    exit 54 unless defined $count;
    last if $count == 0;
    ($spool->syswrite($piece) // 0) == $count or exit 53;
    my $chunk = pack 'N/a*', $piece;
    ($clamd->syswrite($chunk) // 0) == length $chunk or exit 56;
}
$clamd->syswrite(pack 'N', 0) or exit 56;
my $answer = do { local $/ = "\0"; <$clamd> } // '';

my $infected = $answer =~ /\bFOUND\0\z/;
exit 71 unless $infected || $answer =~ /: OK\0\z/;
if ($infected) {
    sysseek $spool, 0, 0 or exit 53;
    $spool->syswrite($tag) or exit 53;
}
sysseek $spool, $infected ? 0 : length $tag, 0 or exit 53;
open STDIN, '<&', $spool or exit 53;
unlink $spool->filename; # exec runs no destructor
exec { $ENV{QUEUECHAIN} } $ENV{QUEUECHAIN};
exit 120;
