"""The appliance in a simulated room: `python -m tests.bench.roomed run --set audio.driver=file ...`."""  # noqa: E501

from appliance import cli, drivers

if __name__ == "__main__":
    audio = {**drivers.DRIVERS["audio"], "file": ("tests.bench.acoustics", "RoomAudio")}
    drivers.DRIVERS = {**drivers.DRIVERS, "audio": audio}
    cli.main()
