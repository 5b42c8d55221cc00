#pragma once
// Handlers that are coroutines. Include this where they are registered:
//
//   socket.on<event::Connect>([](MeshSocket& socket) -> asio::awaitable<void> {
//     asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::seconds(1));
//     co_await timer.async_wait(asio::use_awaitable);
//     socket.send("still here");
//   });
//
// 1. emit() spawns the coroutine on the socket's loop and does not wait for it.
// 2. The handler's captures, and copies of the arguments, live as long as the coroutine. A socket is passed by reference: it
//    must outlive the coroutine. It does so when coroutines end with its loop (4).
// 3. What a coroutine throws goes to MeshSocket::status().
// 4. Coroutines that are under way when the socket is closed are destroyed with it, at the place where they wait.
//
// This is the only header that needs Asio (standalone; the CMake package and pkg-config set ASIO_STANDALONE). Events of
// an EventEmitter that is no socket cannot have coroutines: they have no loop.

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "meshdict/emitter.h"

namespace meshdict::detail {

/// What a coroutine keeps of an argument: a copy; of a socket, which cannot be copied, a reference.
template <typename Argument>
using Kept =
    std::conditional_t<std::is_copy_constructible_v<std::remove_cvref_t<Argument>>, std::remove_cvref_t<Argument>,
                       std::reference_wrapper<std::remove_reference_t<Argument>>>;

template <typename Executor>
struct Call<asio::awaitable<void, Executor>> {
  template <typename Handler, typename... Arguments>
  static void run(Spawner* spawner, Handler& handler, Arguments&&... arguments) {
    if (spawner == nullptr) throw EventError("this emitter has no loop for coroutines to run on");
    auto& io = *static_cast<asio::io_context*>(spawner->io_context());
    asio::co_spawn(io, keep(Handler(handler), std::tuple<Kept<Arguments>...>(arguments...)),
                   [spawner](const std::exception_ptr& error) {
                     if (error) spawner->coroutine_failed(error);
                   });
  }

 private:
  template <typename Handler, typename... Arguments>
  static asio::awaitable<void, Executor> keep(Handler handler, std::tuple<Arguments...> arguments) {
    co_await std::apply([&handler](Arguments&... each) { return handler(each...); }, arguments);
  }
};

}  // namespace meshdict::detail
