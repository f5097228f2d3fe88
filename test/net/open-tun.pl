#!/usr/bin/perl
# usage: open-tun.pl NAME DESCRIPTOR COMMAND...
# Makes a TUN device in the network namespace it is called in, and becomes a command that has it as an open descriptor.
# The device goes when the command ends. In Perl, because this takes an ioctl and every Debian has Perl.
use strict;
use warnings;
use Fcntl qw(O_RDWR);
use POSIX ();

# linux/if_tun.h
use constant { TUNSETIFF => 0x400454ca, IFF_TUN => 0x0001, IFF_NO_PI => 0x1000 };

my ($name, $descriptor, @command) = @ARGV;
die "usage: open-tun.pl NAME DESCRIPTOR COMMAND...\n" unless @command;

$^F = 255; # Descriptors up to this one stay open when the command begins.
sysopen(my $tun, '/dev/net/tun', O_RDWR) or die "open-tun: cannot open /dev/net/tun: $!\n";
ioctl($tun, TUNSETIFF, pack('a16 S x22', $name, IFF_TUN | IFF_NO_PI)) or die "open-tun: cannot make $name: $!\n";
if (fileno($tun) != $descriptor) {
  POSIX::dup2(fileno($tun), $descriptor) // die "open-tun: cannot open descriptor $descriptor: $!\n";
  close($tun);
}
exec { $command[0] } @command or die "open-tun: cannot start $command[0]: $!\n";
