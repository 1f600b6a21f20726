#!/usr/bin/perl
# A stand-in for notqmail's qmail-smtpd: one session on standard input and output, one message
# after the other to QMAILQUEUE, with the error text on descriptor 6.
use strict;
use warnings;
use POSIX ();

$| = 1;
my ($sender, @recipients);
say_("220 mail.example.org ESMTP");
while (my $line = <STDIN>) {
  $line =~ s/\r?\n\z//;
  if ($line =~ /^(?:HELO|EHLO)/i) { say_("250 mail.example.org") }
  elsif ($line =~ /^MAIL FROM:<([^>]*)>/i) { ($sender, @recipients) = ($1); say_("250 ok") }
  elsif ($line =~ /^RCPT TO:<([^>]*)>/i) { push @recipients, $1; say_("250 ok") }
  elsif ($line =~ /^DATA/i) { say_("354 go ahead"); say_(queue(body())) }
  elsif ($line =~ /^QUIT/i) { say_("221 mail.example.org"); exit 0 }
  else { say_("502 unimplemented (#5.5.1)") }
}

sub say_ { print "$_[0]\r\n" }

sub body {
  my $text = "Received: from client.example.net ($ENV{TCPREMOTEIP}) by mail.example.org\n";
  while (my $line = <STDIN>) {
    $line =~ s/\r?\n\z/\n/;
    return $text if $line eq ".\n";
    $line =~ s/^\.//;
    $text .= $line;
  }
  exit 1;
}

# Message on 0, envelope on 1 for reading, as qmail-queue(8) has it.
sub queue {
  my ($text) = @_;
  my @pipes = map { [POSIX::pipe()] } 1 .. 3;
  my $pid = fork() // die;
  if (!$pid) {
    POSIX::dup2($pipes[0][0], 0);
    POSIX::dup2($pipes[1][0], 1);
    POSIX::dup2($pipes[2][1], 20);
    POSIX::close($_) for map { @$_ } @pipes;
    POSIX::dup2(20, 6);
    POSIX::close(20);
    chdir '/var/qmail';
    exec { $_ } $_ for $ENV{QMAILQUEUE} // '/var/qmail/bin/qmail-queue';
    POSIX::_exit(120);
  }
  POSIX::close($_) for $pipes[0][0], $pipes[1][0], $pipes[2][1];
  $SIG{PIPE} = 'IGNORE';
  write_($pipes[0][1], $text);
  write_($pipes[1][1], join('', "F$sender\0", map({"T$_\0"} @recipients), "\0"));
  my ($output, $piece) = ('', '');
  $output .= $piece while (POSIX::read($pipes[2][0], $piece, 4096) // 0) > 0;
  POSIX::close($pipes[2][0]);
  waitpid $pid, 0;
  return "451 qq crashed (#4.3.0)" if $? & 127;
  my $code = $? >> 8;
  return "250 ok " . time . " qp $pid" if $code == 0;
  return ($1 eq 'D' ? '554 ' : '451 ') . $2 if $code == 82 && $output =~ /^([DZ])([ -~]+)/;
  return "554 mail server permanently rejected message (#5.3.0)" if $code > 10 && $code < 41;
  return "451 qq temporary problem (#4.3.0)";
}

sub write_ {
  my ($fd, $text) = @_;
  while (length $text) {
    my $count = POSIX::write($fd, $text, length $text) // return;
    substr($text, 0, $count) = '';
  }
  POSIX::close($fd);
}
