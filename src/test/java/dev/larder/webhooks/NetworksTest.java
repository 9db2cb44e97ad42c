package dev.larder.webhooks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.larder.model.MisconfiguredException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which addresses are called. Each network is tried at its first and last address, and just outside it. */
class NetworksTest {

    private static final Networks DEFAULT = new Networks(List.of());

    private static boolean allows(Networks networks, String literal) {
        try {
            return networks.allows(InetAddress.getByName(literal));
        } catch (UnknownHostException notALiteral) {
            throw new AssertionError(notALiteral);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "0.255.255.255",
                "10.0.0.0",
                "10.255.255.255",
                "100.64.0.0",
                "100.100.100.200",
                "100.127.255.255",
                "127.0.0.1",
                "127.255.255.255",
                "169.254.0.0",
                "169.254.169.254",
                "169.254.255.255",
                "172.16.0.0",
                "172.31.255.255",
                "192.0.0.0",
                "192.0.0.192",
                "192.0.0.255",
                "192.0.2.1",
                "192.88.99.1",
                "192.168.0.0",
                "192.168.255.255",
                "198.18.0.0",
                "198.19.255.255",
                "198.51.100.1",
                "203.0.113.1",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.0",
                "255.255.255.255",
                "168.63.129.16"
            })
    void an_address_of_IPv4_that_is_not_public_is_not_called(String literal) {
        assertThat(allows(DEFAULT, literal)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1.0.0.0",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "169.253.255.255",
                "169.255.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "191.255.255.255",
                "192.0.1.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "8.8.8.8",
                "168.63.129.17"
            })
    void a_public_address_of_IPv4_is_called(String literal) {
        assertThat(allows(DEFAULT, literal)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "::",
                "::1",
                "::7f00:1",
                "::10.0.0.1",
                "100::1",
                "2001::1",
                "2001:0:4136:e378::1",
                "2001:1ff:ffff::1",
                "2001:db8::1",
                "2002:7f00:1::",
                "2002:808:808::1",
                "3fff::1",
                "4000::1",
                "5f00::1",
                "fc00::1",
                "fd00:ec2::254",
                "fdff::1",
                "fe80::1",
                "febf::1",
                "fec0::1",
                "ff02::1",
                "ff0e::1",
                "64:ff9b:1::1",
                "64:ff9b::127.0.0.1",
                "64:ff9b::a00:1",
                "64:ff9b::169.254.169.254"
            })
    void an_address_of_IPv6_that_is_not_public_is_not_called(String literal) {
        assertThat(allows(DEFAULT, literal)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"2000::1", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "64:ff9b::808:808"})
    void a_public_address_of_IPv6_is_called(String literal) {
        assertThat(allows(DEFAULT, literal)).isTrue();
    }

    @Test
    void an_address_of_IPv4_inside_IPv6_is_judged_as_what_it_stands_for() throws UnknownHostException {
        assertThat(DEFAULT.allows(mapped(127, 0, 0, 1))).isFalse();
        assertThat(DEFAULT.allows(mapped(169, 254, 169, 254))).isFalse();
        assertThat(DEFAULT.allows(mapped(8, 8, 8, 8))).isTrue();
    }

    /** The JDK makes an IPv4 address of a literal; this one stays what it is. */
    private static InetAddress mapped(int... last) throws UnknownHostException {
        byte[] bytes = new byte[16];
        bytes[10] = (byte) 0xFF;
        bytes[11] = (byte) 0xFF;
        for (int i = 0; i < 4; i++) {
            bytes[12 + i] = (byte) last[i];
        }
        return Inet6Address.getByAddress(null, bytes, -1);
    }

    @Test
    void an_operator_allows_networks_and_nothing_beside_them() {
        Networks networks = new Networks(List.of("10.1.0.0/16", " 127.0.0.1/32", "fd12:3456::/32", "::1/128"));

        assertThat(allows(networks, "10.1.0.0")).isTrue();
        assertThat(allows(networks, "10.1.255.255")).isTrue();
        assertThat(allows(networks, "10.2.0.0")).isFalse();
        assertThat(allows(networks, "10.0.255.255")).isFalse();
        assertThat(allows(networks, "127.0.0.1")).isTrue();
        assertThat(allows(networks, "127.0.0.2")).isFalse();
        assertThat(allows(networks, "fd12:3456:ffff::1")).isTrue();
        assertThat(allows(networks, "fd12:3457::1")).isFalse();
        assertThat(allows(networks, "::1")).isTrue();
        assertThat(networks.allowsLoopback()).isTrue();
        assertThat(DEFAULT.allowsLoopback()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "10.0.0.0",
                "10/8",
                "10.0.0.0/33",
                "10.0.0.0/",
                "10.0.0/8",
                "::/129",
                "fd00/8",
                "face/8",
                "localhost/8",
                "10.0.0.0/8,",
                "1.2.3.4.5/8",
                "256.0.0.0/8",
                ":::/8"
            })
    void a_network_that_cannot_be_read_ends_the_start(String network) {
        assertThatThrownBy(() -> new Networks(List.of(network)))
                .isInstanceOf(MisconfiguredException.class)
                .hasMessageContaining("larder.webhooks.allowed-networks");
    }
}
