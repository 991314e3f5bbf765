# A home's router: it gives the one computer behind it an address in the public network, and lets no connection in. An IPv6
# address is the computer's own, and means the same on both sides.
#
#   perl router.pl <public namespace's file> <inner device> <outer device> <inner address> <outer address>
#
# It runs in the namespace of the computer. Both devices are TUN devices, so it needs no rules of the kernel's firewall. On its
# input, a line each: "address <outer address>" changes its address, "silence" drops everything, "pass" ends that.
use strict;
use warnings;
use Fcntl;
use Socket qw(AF_INET AF_INET6 inet_pton);
use POSIX ();

my ($public, $inner, $outer, $inner_address, $outer_address) = @ARGV;
sub bytes_of { return inet_pton($_[0] =~ /:/ ? AF_INET6 : AF_INET, $_[0]) // die "no address: $_[0]\n" }
my ($inside, $outside) = map { bytes_of($_) } $inner_address, $outer_address;

sub device {
  my ($name) = @_;
  sysopen(my $tun, '/dev/net/tun', O_RDWR) or die "no TUN device: $!\n";
  my $request = pack('a16 S x22', $name, 0x0001 | 0x1000);    # IFF_TUN, IFF_NO_PI
  ioctl($tun, 0x400454ca, $request) or die "no TUN device: $!\n";    # TUNSETIFF
  return $tun;
}

# The internet checksum after some of the words that it covers have changed (RFC 1624).
sub mended {
  my ($sum, $before, $after) = @_;
  my $total = ~$sum & 0xffff;
  $total += (~$_ & 0xffff) for unpack('n*', $before);
  $total += $_ for unpack('n*', $after);
  $total = ($total & 0xffff) + ($total >> 16) while $total >> 16;
  return ~$total & 0xffff;
}

# Where TCP begins in an IP packet of the router's version; undefined: there is none in it.
sub tcp_in {
  my ($packet) = @_;
  return undef if length $packet < 40;
  my $version = ord($packet) >> 4;
  return undef if $version != (length $inside == 16 ? 6 : 4);
  return undef if ord(substr $packet, $version == 6 ? 6 : 9, 1) != 6;
  return $version == 6 ? 40 : (ord($packet) & 15) * 4;
}

# Replaces the sender (0) or the receiver (1) of a packet with TCP in it; undefined: it is none, or another's.
sub translate {
  my ($packet, $end, $before, $after) = @_;
  my $tcp = tcp_in($packet);
  my $length = length $before;
  my $offset = ($length == 16 ? 8 : 12) + $end * $length;
  return undef if !defined $tcp || substr($packet, $offset, $length) ne $before;
  return $packet if $before eq $after;
  substr($packet, $offset, 4) = $after;
  for my $place (10, $tcp + 16) {
    substr($packet, $place, 2) = pack 'n', mended(unpack('n', substr $packet, $place, 2), $before, $after);
  }
  return $packet;
}

# True for the first packet of a connection.
sub opens {
  my ($packet) = @_;
  my $flags = ord substr $packet, tcp_in($packet) + 13, 1;
  return ($flags & 0x12) == 0x02;
}

my $home = device($inner);
open(my $namespace, '<', $public) or die "$public: $!\n";
my $machine = (POSIX::uname())[4];
my $setns = $machine eq 'aarch64' ? 268 : 308;
syscall($setns, fileno $namespace, 0x40000000) == 0 or die "setns: $!\n";    # CLONE_NEWNET
my $world = device($outer);
$| = 1;
print "ready\n";

my ($silent, $said) = (0, '');
for (;;) {
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for $home, $world, \*STDIN;
  next if select($ready, undef, undef, undef) < 0;
  if (vec $ready, fileno STDIN, 1) {
    sysread(STDIN, my $bytes, 4096) or exit 0;
    $said .= $bytes;
    while ($said =~ s/^(.*)\n//) {
      my ($word, $address) = split ' ', $1;
      $outside = bytes_of($address) if $word eq 'address';
      $silent = $word eq 'silence' if $word =~ /^(silence|pass)$/;
      print "done\n";
    }
  }
  if (vec $ready, fileno $home, 1) {
    sysread($home, my $packet, 65536);
    my $sent = translate($packet, 0, $inside, $outside);
    syswrite($world, $sent) if defined $sent && !$silent;
  }
  if (vec $ready, fileno $world, 1) {
    sysread($world, my $packet, 65536);
    my $sent = translate($packet, 1, $outside, $inside);
    syswrite($home, $sent) if defined $sent && !$silent && !opens($sent);
  }
}
