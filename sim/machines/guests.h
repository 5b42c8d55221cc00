#pragma once
// Programs of a user's that run on nodes of a world, as the world sees them. What they are is in sim/programs, which stands on the
// embeddable API; a world knows only when they begin, go on and end.
//
// A node whose plan names a program has an engine only while the program has a socket.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/event.h"
#include "sim/plan/plan.h"

namespace meshdict::sim {

class Nodes;
struct Stage;

/// Of one run. The stage and the nodes outlive it.
class Guests {
 public:
  Guests() = default;
  virtual ~Guests() = default;
  Guests(const Guests&) = delete;
  Guests& operator=(const Guests&) = delete;

  /// The program of the node's plan begins, at its first line.
  virtual void start(NodeIndex node) = 0;
  /// The machine crashes: nothing of the program runs any more, but for what unwinds it.
  virtual void kill(NodeIndex node) = 0;
  [[nodiscard]] virtual bool runs(NodeIndex node) const = 0;

  /// An event of kind kProgram.
  virtual void due(std::uint64_t detail) = 0;
  /// The node stood still, or its disk was busy.
  virtual void goes_on(NodeIndex node) = 0;
  virtual void clock_changed(NodeIndex node) = 0;
  /// From within a call to the node's engine.
  virtual void heard(NodeIndex node, const Event& event) = 0;
  /// A turn of the node has been committed.
  virtual void turned(NodeIndex node) = 0;
  /// The node's engine has ended, whatever the reason.
  virtual void engine_ended(NodeIndex node) = 0;

  /// After each event: the oracles that came with the programs.
  virtual void look() = 0;
  /// The run is over: the same.
  virtual void finish() = 0;
};

class GuestMaker {
 public:
  GuestMaker() = default;
  virtual ~GuestMaker() = default;
  GuestMaker(const GuestMaker&) = delete;
  GuestMaker& operator=(const GuestMaker&) = delete;

  /// Of the programs that a plan may name.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  [[nodiscard]] virtual std::unique_ptr<Guests> make(Stage& stage, Nodes& nodes) const = 0;
};

[[nodiscard]] bool has_programs(const Plan& plan);
/// Of a plan that names a program which is not there; `maker` null: none is. Error text for a person.
[[nodiscard]] std::optional<std::string> missing_program(const Plan& plan, const GuestMaker* maker);

}  // namespace meshdict::sim
