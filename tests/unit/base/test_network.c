/* What counts as one client where clients are counted by their address. */
#include "base_test.h"

#include "base/network.h"

static void assert_network(const char *address, const char *wanted)
{
    char network[NETWORK_SIZE];
    network_of(address, network);
    assert_string_equal(network, wanted);
}

static void an_ipv6_network_counts_as_one_address(void **state)
{
    (void)state;
    assert_network("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    assert_network("2001:db8:1:2::", "2001:db8:1:2::/64");
    assert_network("::1", "::/64");
    assert_network("192.0.2.1", "192.0.2.1");
    assert_network("", "");
}

RUN_TESTS(cmocka_unit_test(an_ipv6_network_counts_as_one_address))
