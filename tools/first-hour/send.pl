#!/usr/bin/perl
# send ADDRESS clean|eicar: a client at another host's address; prints what it reads last.
use strict;
use warnings;
use IO::Socket::INET;

my ($from, $what) = @ARGV;
# In two parts, so that no scanner takes this script for the test file.
my $eicar = 'X5O!P%@AP[4\PZX54(P^)7CC)7}' . '$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*';
my $body = $what eq 'eicar' ? $eicar : 'Hello.';
my $smtp = IO::Socket::INET->new(PeerAddr => '192.0.2.1:25', LocalAddr => $from, Timeout => 60) // die "$@\n";
my $reply;
for my $line (
  undef, 'EHLO client.example.net', 'MAIL FROM:<ann@example.net>', 'RCPT TO:<ben@mail.example.org>',
  'DATA', "From: ann\@example.net\r\nSubject: $what\r\n\r\n$body\r\n."
) {
  print $smtp "$line\r\n" if defined $line;
  do { $reply = <$smtp> // die "closed\n" } while $reply =~ /^\d{3}-/;
  last if $reply =~ /^[45]/;
}
print $smtp "QUIT\r\n";
print $reply;
