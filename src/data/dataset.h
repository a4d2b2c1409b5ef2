// Labelled images of one size as bytes, read on demand by index.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace subbyte {

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int height() const = 0;
  virtual int width() const = 0;
  virtual int channels() const = 0;
  virtual int32_t label(int64_t index) const = 0;
  /// Writes [height][width][channels] bytes. Thread-safe.
  virtual void read(int64_t index, uint8_t* pixels) const = 0;
};

/// Training and test records with what is known of both.
struct DataSource {
  std::string name;
  int classes = 0;
  std::vector<std::string> class_names;  ///< empty where unknown
  std::shared_ptr<const Dataset> train, test;  ///< test may be null (a folder without one)
};

struct DataOptions {
  std::string name;       ///< of data_list()
  std::string dir;        ///< folder or archive; empty: the format's default place
  int image_size = 32;    ///< image folders: every image is resized to a square of this side
  bool need_train = true; ///< false: only the test part must be there (evaluation)
};

/// One line of `subbyte data`.
struct DataEntry {
  std::string name, summary;
};
const std::vector<DataEntry>& data_list();

/// Throws UsageError for an unknown name, Error for a file that is missing, truncated or wrong (naming file and field).
DataSource open_data(const DataOptions& options);

/// Decodes a PNG or JPEG to exactly [height][width][channels] (1 or 3), resized where it differs. Throws Error.
std::vector<uint8_t> read_image(const std::string& path, int height, int width, int channels);

/// A view of records [begin, end) of another data set.
std::shared_ptr<const Dataset> slice(std::shared_ptr<const Dataset> data, int64_t begin, int64_t end);

/// Mean and standard deviation of pixel / 255 per channel, exact integer sums. The deviation is at least 1/255.
struct ChannelStatistics {
  std::vector<float> mean, stddev;
};
ChannelStatistics channel_statistics(const Dataset& data);

}  // namespace subbyte
