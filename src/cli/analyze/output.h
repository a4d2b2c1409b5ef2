// A study as a table, as JSON, and as figures.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/analyze/study.h"
#include "train/checkpoint.h"

namespace subbyte {

struct StudiedCheckpoint {
  std::string file;  ///< name without folder: "epoch-010"
  Progress progress;
  CheckpointStudy study;
};

/// Says in its first lines what the columns are.
std::string study_table(const StudiedCheckpoint& checkpoint);

/// Numbers that are not finite (a channel of zeros' octaves, an exact tensor's decibels) are null.
nlohmann::ordered_json study_json(const StudiedCheckpoint& checkpoint);

/// Channel ranges of every layer with the borders of the groups, variance ratios by layer, and, of several checkpoints, their
/// course: PNG and SVG in `folder`, which is created. Returns the files' names without suffix. Throws Error.
std::vector<std::string> write_study_figures(const std::vector<StudiedCheckpoint>& checkpoints, const std::string& folder);

}  // namespace subbyte
