// Of tests/scenarios: what the other tests have, compiled as what it tests is.
#pragma once

#include "cmake/precompiled/test.hpp"
