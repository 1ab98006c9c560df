// The one translation unit in which Boost.Asio is compiled (BOOST_ASIO_SEPARATE_COMPILATION): the others read declarations only.
#include <boost/asio/impl/src.hpp>
