#include "nf-d-ausf/note_servings.hpp"

#include <algorithm>
#include <chrono>

#include "lib/base/log.hpp"

namespace d_ausf {
namespace {

using namespace std::chrono_literals;

/// Whatever is written makes the readers forget what they have read of the database: so not more often than this.
constexpr auto kPause = 2s;
/// After a pause in which nothing was served: what comes together is written together.
constexpr auto kFirstWait = 20ms;

}  // namespace

NoteServings::NoteServings(boost::asio::io_context& loop, store::Committer& committer, std::size_t per_second)
    : timer_(loop), committer_(committer), per_flush_(per_second * kPause.count()) {}

void NoteServings::add(const profile::DiscoveryImsi& dimsi, const profile::Rand& rand, const std::string& serving_network,
                       base::Time at) {
  if (waiting_.size() < per_flush_) {
    waiting_.push_back({dimsi, rand, serving_network, at});
  } else {
    ++left_out_;
  }
  if (!is_scheduled_) schedule();
}

void NoteServings::stop() {
  timer_.cancel();
  flush();
}

void NoteServings::schedule() {
  is_scheduled_ = true;
  timer_.expires_at(std::max(std::chrono::steady_clock::now() + kFirstWait, last_flush_ + kPause));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    is_scheduled_ = false;
    flush();
  });
}

void NoteServings::flush() {
  last_flush_ = std::chrono::steady_clock::now();
  if (left_out_ > 0) {
    base::log::warning("{} servings of vectors are not in their records: more than serving_notes_per_second", left_out_);
    left_out_ = 0;
  }
  if (waiting_.empty()) return;
  committer_.write_later([servings = std::exchange(waiting_, {})](store::Database& database) {
    for (const Serving& serving : servings) {
      note_served(database, serving.dimsi, serving.rand, serving.serving_network, serving.at);
    }
  });
}

}  // namespace d_ausf
