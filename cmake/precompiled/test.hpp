// The same for the tests of what speaks with peers.
#pragma once

#include "network.hpp"

#include <catch2/catch.hpp>
